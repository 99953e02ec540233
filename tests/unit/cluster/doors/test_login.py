import bcrypt

from airgap.cluster.doors.login import Login


def test_a_password_is_new_each_time_and_never_shown() -> None:
    one, other = Login.new(), Login.new()
    assert one.password != other.password
    assert len(one.password) == 32
    assert one.password not in repr(one)


def test_the_hash_is_of_the_password() -> None:
    login = Login("airgap", "secret")
    user, _, hashed = login.htpasswd().strip().partition(b":")
    assert user == b"airgap"
    assert bcrypt.checkpw(b"secret", hashed)
    assert not bcrypt.checkpw(b"other", hashed)


def test_a_secret_without_one() -> None:
    assert Login.of_secret({}) is None
    assert Login.of_secret({"tls.crt": b"x"}) is None
