import base64
import json

import bcrypt

from airgap.cluster.login import Login


def test_a_login_is_kept_in_the_secret_and_read_from_it() -> None:
    login = Login.make()
    data = login.to_secret()
    assert Login.of_secret(data) == login
    user, _, hashed = data["htpasswd"].strip().partition(b":")
    assert user.decode() == login.user
    assert hashed.startswith(b"$2b$04$")
    assert bcrypt.checkpw(login.password.encode(), hashed)


def test_each_password_is_new_and_long() -> None:
    one, other = Login.make(), Login.make()
    assert one.password != other.password
    assert len(one.password) >= 32


def test_a_secret_of_an_older_cluster_has_none() -> None:
    assert Login.of_secret({"tls.key": b"x"}) is None


def test_docker_reads_it() -> None:
    login = Login("airgap", "p")
    found = json.loads(login.docker_config(["kind-control-plane:30443"]))
    auth = found["auths"]["kind-control-plane:30443"]["auth"]
    assert base64.b64decode(auth) == b"airgap:p"


def test_the_password_is_in_no_text_form() -> None:
    login = Login.make()
    assert login.password not in f"{login!r} {login}"
