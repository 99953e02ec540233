import base64
import json
import os
import threading
from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.registry.credentials import Credential, Credentials


def auth(user: str, password: str = "secret") -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, **members: object) -> Path:
    path.write_text(json.dumps(members))
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of helpers on PATH, and of what they were asked."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f"#!/bin/sh\nread server\necho $1 $server >> {folder}/{name}.log\n{script}\n")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("host", "repository", "user"),
    [
        ("quay.io", "", "host"),
        ("quay.io", "other/x", "host"),
        ("quay.io", "org", "org"),
        ("quay.io", "org/x", "org"),
        ("quay.io", "organisation/x", "host"),
        ("quay.io", "org/team/x", "team"),
        ("quay.io", "org/team/x/y", "team"),
        ("quay.io", "org/team", "team"),
        ("quay.io", "org/team2", "org"),
        ("QUAY.io", "org/x", "org"),
        ("quay.io:443", "org/x", None),
        ("r.example:5000", "a/b", "port"),
        ("r.example", "a/b", None),
        ("registry-1.docker.io", "library/nginx", "hub"),
        ("docker.io", "me/x", "mine"),
        ("index.docker.io", "me/x", "mine"),
        ("old.example", "v2/x", "old"),
        ("url.example", "a/b", "url"),
    ],
)
def test_the_longest_path_that_fits_counts(
    config: Path, host: str, repository: str, user: str | None
) -> None:
    found = Credentials(
        write(
            config,
            auths={
                "quay.io/org": auth("org"),
                "quay.io": auth("host"),
                "quay.io/org/team": auth("team"),
                "r.example:5000": auth("port"),
                "https://index.docker.io/v1/": auth("hub"),
                "docker.io/me": auth("mine"),
                "old.example/v2": auth("old"),
                "https://url.example/a": auth("url"),
            },
        )
    ).of(host, repository)
    assert (found.username if found else None) == user


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (auth("me", "pass:word"), Credential("me", "pass:word")),
        ({"username": "me", "password": "secret"}, Credential("me", "secret")),
        ({"auth": "", "username": "me", "password": "s"}, Credential("me", "s")),
        ({"identitytoken": "t"}, Credential(identity_token="t")),
        ({**auth("me"), "identitytoken": "t"}, Credential("me", "secret", "t")),
        ({"auth": "bWU6c2VjcmV0AAA="}, Credential("me", "secret")),
        ({}, None),
        ({"email": "x"}, None),
        (None, None),
        (5, None),
        ([], None),
        ({"auth": 5}, None),
        ({"username": None}, None),
    ],
)
def test_forms_of_entries(config: Path, entry: object, expected: Credential | None) -> None:
    assert Credentials(write(config, auths={"quay.io": entry})).of("quay.io") == expected


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"auths": [1]}', '{"auths": {"quay.io": {"auth": "%%%"}}}',
     '{"auths": {"quay.io": {"auth": "/w=="}}}', '{"credHelpers": 5}',
     '{"credHelpers": {"quay.io": 5}}', '{"credsStore": "../../bin/sh"}',
     '{"credsStore": "gone"}', "[" * 100_000],
)  # fmt: skip
def test_a_file_that_is_odd_is_named(config: Path, text: str) -> None:
    config.write_text(text)
    with pytest.raises(InputError, match=r"cannot get the credentials for quay\.io") as caught:
        Credentials(config).of("quay.io")
    assert str(config) in caught.value.message
    assert "%%%" not in caught.value.message


def test_the_first_file_that_knows_anything_counts(tmp_path: Path) -> None:
    docker = write(tmp_path / "config.json", auths={"quay.io": auth("docker")})
    podman = write(
        tmp_path / "auth.json",
        auths={"quay.io/org": auth("podman"), "ghcr.io": auth("podman"), "x.example": {}},
    )
    found = Credentials(docker, None, tmp_path / "gone.json", podman)
    known = {
        (host, repository): getattr(found.of(host, repository), "username", None)
        for host, repository in (("quay.io", "org/x"), ("ghcr.io", "a"), ("x.example", ""))
    }
    assert list(known.values()) == ["docker", "podman", None]
    assert Credentials(None).of("quay.io") is None


def test_a_file_that_nobody_needs_is_not_read(tmp_path: Path) -> None:
    docker = write(tmp_path / "config.json", auths={"quay.io": auth("docker")})
    odd = tmp_path / "auth.json"
    odd.write_text("{")
    assert Credentials(docker, odd).of("quay.io") is not None
    with pytest.raises(InputError, match=r"auth\.json"):
        Credentials(docker, odd).of("ghcr.io")


def test_a_password_is_not_printed() -> None:
    assert "secret" not in repr(Credential("me", "secret", "secret"))


class TestHelpers:
    def test_one_for_a_host_is_asked_once(self, config: Path, helpers: Path) -> None:
        helper(helpers, "one", """echo '{"Username": "me", "Secret": "s"}'""")
        found = Credentials(write(config, credHelpers={"quay.io": "one"}, credsStore="gone"))
        threads = [threading.Thread(target=found.of, args=("quay.io", f"a{n}")) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found.of("quay.io") == Credential("me", "s")
        assert (helpers / "one.log").read_text() == "get quay.io\n"

    def test_one_that_podman_s_file_names(self, config: Path, helpers: Path) -> None:
        helper(helpers, "pod", """echo '{"Username": "me", "Secret": "s"}'""")
        podman = write(helpers / "auth.json", credHelpers={"quay.io": "pod"})
        found = Credentials(write(config, auths={"ghcr.io": auth("docker")}), podman)
        assert found.of("quay.io", "org/x") == Credential("me", "s")
        assert found.of("ghcr.io") == Credential("docker", "secret")
        assert (helpers / "pod.log").read_text() == "get quay.io\n"

    def test_one_for_all_hosts(self, config: Path, helpers: Path) -> None:
        helper(helpers, "all", """echo '{"Username": "<token>", "Secret": "t"}'""")
        found = Credentials(write(config, credsStore="all", auths={"quay.io": {}}))
        assert found.of("registry-1.docker.io", "a") == Credential(identity_token="t")
        assert found.of("quay.io") == Credential(identity_token="t")
        asked = (helpers / "all.log").read_text()
        assert asked == "get https://index.docker.io/v1/\nget quay.io\n"

    def test_one_that_knows_nothing_leaves_it_to_the_file(
        self, config: Path, helpers: Path
    ) -> None:
        helper(helpers, "none", "echo credentials not found in native keychain; exit 1")
        found = Credentials(write(config, credsStore="none", auths={"quay.io": auth("file")}))
        assert found.of("quay.io") == Credential("file", "secret")
        assert found.of("ghcr.io") is None

    def test_a_path_in_the_file_is_nearer_than_a_helper(self, config: Path, helpers: Path) -> None:
        helper(helpers, "all", """echo '{"Username": "me", "Secret": "s"}'""")
        found = Credentials(write(config, credsStore="all", auths={"quay.io/org": auth("org")}))
        assert found.of("quay.io", "org/x") == Credential("org", "secret")
        assert found.of("quay.io", "x") == Credential("me", "s")

    @pytest.mark.parametrize("script", ["echo broken >&2; exit 1", "echo '<html>'", "echo"])
    def test_one_that_fails_is_told(self, config: Path, helpers: Path, script: str) -> None:
        helper(helpers, "bad", script)
        with pytest.raises(InputError, match="cannot get the credentials"):
            Credentials(write(config, credsStore="bad")).of("quay.io")
