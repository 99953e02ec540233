"""Which daemon the docker program would use: its own rules, followed."""

import json
from pathlib import Path

import pytest

from airgap.cluster.docker.endpoint import Endpoint, check_files, find
from airgap.errors import ResourceError
from tests.support.authorities import own_ca


def context(folder: Path, said: object, status: int = 0) -> dict[str, str]:
    """Return an environment whose docker program says that of its context."""
    program = folder / "docker"
    (folder / "said").write_text(said if isinstance(said, str) else json.dumps(said))
    program.write_text(
        f'#!/bin/sh\n[ "$*" = "context inspect" ] || exit 9\ncat {folder}/said\nexit {status}\n'
    )
    program.chmod(0o755)
    return {"PATH": f"{folder}:/usr/bin:/bin", "HOME": "/home/me"}


@pytest.mark.parametrize(
    ("variables", "address", "tls", "verify"),
    [
        ({"DOCKER_HOST": "unix:///x/y.sock"}, "unix:///x/y.sock", None, False),
        ({"DOCKER_HOST": "tcp://127.0.0.1"}, "tcp://127.0.0.1:2375", None, False),
        ({"DOCKER_HOST": "localhost:99"}, "tcp://localhost:99", None, False),
        ({"DOCKER_HOST": "tcp://[::1]", "DOCKER_TLS": "1"}, "tcp://[::1]:2376",
         "/home/me/.docker", False),
        ({"DOCKER_HOST": "tcp://h:1", "DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": "/certs"},
         "tcp://h:1", "/certs", True),
        ({"DOCKER_HOST": "tcp://h", "DOCKER_TLS": "1", "DOCKER_CONFIG": "/conf"}, "tcp://h:2376",
         "/conf", False),
        ({"DOCKER_HOST": "unix:///s", "DOCKER_TLS_VERIFY": "1"}, "unix:///s", None, False),
    ],
)  # fmt: skip
def test_variables(variables: dict[str, str], address: str, tls: str | None, verify: bool) -> None:
    found = find({"HOME": "/home/me"} | variables)
    assert (found.address, found.verify) == (address, verify)
    assert found.tls == (Path(tls) if tls else None)
    assert found.environment["DOCKER_HOST"] == variables["DOCKER_HOST"]


@pytest.mark.parametrize(
    ("address", "is_local"),
    [
        ("unix:///x", True),
        ("tcp://127.9.9.9:1", True),
        ("tcp://[::1]:1", True),
        ("tcp://localhost:1", True),
        ("tcp://192.0.2.1:1", False),
        ("tcp://host:1", False),
        ("ssh://localhost", False),
    ],
)
def test_what_is_on_this_machine(address: str, is_local: bool) -> None:
    assert Endpoint(address, None, verify=False, environment={}).is_local == is_local


def test_a_port_that_is_none() -> None:
    with pytest.raises(ResourceError, match="tcp://h:99999 has no valid port") as caught:
        find({"DOCKER_HOST": "tcp://h:99999"})
    assert "tcp://HOST:PORT" in caught.value.hint


def test_the_context_is_asked_for_where_no_variable_says_it(tmp_path: Path) -> None:
    plain = {"Endpoints": {"docker": {"Host": "unix:///run/x.sock"}}}
    assert find(context(tmp_path, [plain])).address == "unix:///run/x.sock"
    tcp = {"Endpoints": {"docker": {"Host": "tcp://h"}}}
    with_tls = find(context(tmp_path, [tcp]) | {"DOCKER_TLS": "1"})
    assert (with_tls.address, with_tls.tls) == ("tcp://h:2376", Path("/home/me/.docker"))
    files = {"TLSMaterial": {"docker": ["ca.pem"]}, "Storage": {"TLSPath": "/store"}}
    own = find(context(tmp_path, [tcp | files]))
    assert (own.address, own.tls, own.verify) == ("tcp://h:2376", Path("/store/docker"), True)
    skips = {"Endpoints": {"docker": {"Host": "tcp://h", "SkipTLSVerify": True}}}
    assert not find(context(tmp_path, [skips | files])).verify


@pytest.mark.parametrize(
    "said", ["", "[]", "[1]", "{}", '[{"Endpoints": {}}]', '[{"Endpoints": 1}]']
)
def test_a_context_that_makes_no_sense(tmp_path: Path, said: str) -> None:
    with pytest.raises(ResourceError, match="says nothing of use") as caught:
        find(context(tmp_path, said))
    assert "docker context ls" in caught.value.hint


def test_a_context_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="docker context inspect") as caught:
        find(context(tmp_path, "gone", status=1))
    assert "docker context ls" in caught.value.hint


def test_tls_files_are_looked_at_before_they_are_used(tmp_path: Path) -> None:
    endpoint = Endpoint("tcp://h:1", tmp_path, verify=True, environment={})
    check_files(Endpoint("tcp://h:1", None, verify=True, environment={}))
    with pytest.raises(ResourceError, match=r"has no ca\.pem"):
        check_files(endpoint)
    authority = own_ca()
    (tmp_path / "ca.pem").write_bytes(authority.cert_pem)
    check_files(endpoint)
    (tmp_path / "cert.pem").write_bytes(authority.cert_pem)
    (tmp_path / "key.pem").write_bytes(authority.key_pem)
    check_files(endpoint)
    assert endpoint.file("cert.pem") == str(tmp_path / "cert.pem")
    (tmp_path / "key.pem").write_bytes(b"no key")
    with pytest.raises(ResourceError, match="cannot be used") as caught:
        check_files(endpoint)
    assert "ca.pem, cert.pem, key.pem" in caught.value.hint
