"""A host in memory, on which commands run as they are typed."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from airgap.cli import app
from airgap.cluster import ports
from airgap.cluster.docker import registry_login
from airgap.cluster.doors.login import Login
from airgap.unpack import doctor, unpack
from airgap.upkeep import teardown, trust
from tests.unit.unpack.bundles import Run, cluster_bundle

Ran = Callable[..., tuple[int, str, str]]


class Docker(registry_login.Docker):
    """A docker program that remembers its logins."""

    known: dict[str, str] = {}  # noqa: RUF012  (emptied for each test)

    def has(self, address: str, login: Login) -> bool:
        return self.known.get(address) == login.password

    def enter(self, address: str, login: Login) -> None:
        self.known[address] = login.password

    def leave(self, address: str) -> bool:
        return self.known.pop(address, None) is not None


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A host without a cluster; commands find it, and files of it, in place of this one."""
    found = Run(tmp_path)
    cluster_bundle(found.path, workers=1)
    Docker.known.clear()
    monkeypatch.setattr(registry_login, "Docker", Docker)
    monkeypatch.setattr(ports, "Tools", lambda: found.host.tools)
    for module in (unpack, doctor):
        monkeypatch.setattr(module, "Tools", lambda: found.host.tools)
    monkeypatch.setattr(
        unpack, "unpack", partial(unpack.unpack, tools=found.host.tools, land=found.land)
    )
    files = {"hosts": tmp_path / "hosts", "certs": tmp_path / "certs.d"}
    wanted = trust.wanted
    monkeypatch.setattr(trust, "wanted", lambda site, *_: wanted(site, **files))
    monkeypatch.setattr(trust, "withdraw", partial(trust.withdraw, **files))
    monkeypatch.setattr(trust, "keep", partial(trust.keep, hosts=files["hosts"]))
    monkeypatch.setattr(teardown, "Own", partial(teardown.Own, **files))
    monkeypatch.setenv("KUBECONFIG", str(found.kubeconfig))
    return found


@pytest.fixture
def typed(capsys: pytest.CaptureFixture[str]) -> Ran:
    def typed(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        return code, *capsys.readouterr()

    return typed


@pytest.fixture
def cluster(host: Run) -> Run:
    host()
    return host


def told(ran: tuple[int, str, str]) -> dict[str, Any]:
    assert ran[0] == 0, ran[2]
    value: dict[str, Any] = json.loads(ran[1])
    return value
