"""Real registries for tests: distribution 3.1.1, Debian's docker-registry 2.8.2, olareg 0.2.2."""

import contextlib
import functools
import json
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from airgap.certificates.make import issue

REPO = Path(__file__).parents[2]
KINDS = ("distribution", "docker-registry")
OLAREG = "olareg"
USER, PASSWORD = "lab", "s3cret-canary"
# Written by `htpasswd -Bbn lab s3cret-canary`.
HTPASSWD = "lab:$2y$05$B/KuCkNyabqE6Mc..gg/wu0dQXli2HQ/Jflj3OH79aPgqZcvLrjCe\n"


@functools.cache
def program(kind: str) -> str:
    """Return the registry program; the lab builds one and installs the other."""
    if kind == "docker-registry":
        found = shutil.which(kind)
    else:
        done = subprocess.run(
            [REPO / "scripts/lab", "env"], check=True, stdout=subprocess.PIPE, text=True
        )
        found = json.loads(done.stdout)[kind]
    if not found or not Path(found).exists():
        pytest.fail(f"{kind} is missing: run scripts/lab build")
    return found


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


class Registry:
    """A running registry.

    Attributes:
        address: ``HOST:PORT``.
        ca_pem: what to trust, empty for plain http.
    """

    def __init__(
        self,
        kind: str,
        folder: Path,
        *,
        tls: bool = False,
        password: bool = False,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.kind, self.folder, self.settings = kind, folder, settings or {}
        self.address = f"127.0.0.1:{free_port()}"
        self.ca_pem = b""
        self._tls, self._password = tls, password
        folder.mkdir(parents=True, exist_ok=True)
        if tls:
            self._write_certificate()
        if password:
            (folder / "htpasswd").write_text(HTPASSWD)

    def _write_certificate(self) -> None:
        found = issue(["localhost", "127.0.0.1"])
        self.ca_pem = found.ca_pem
        (self.folder / "ca.crt").write_bytes(found.ca_pem)
        (self.folder / "tls.crt").write_bytes(found.cert_pem)
        (self.folder / "tls.key").write_bytes(found.key_pem)

    def _config(self) -> dict[str, Any] | str:
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.folder / "storage")},
                "delete": {"enabled": True},
            },
            "http": {"addr": self.address, "secret": "test"},
        }
        if self._tls:
            certificate, key = self.folder / "tls.crt", self.folder / "tls.key"
            config["http"]["tls"] = {"certificate": str(certificate), "key": str(key)}
        if self._password:
            config["auth"] = {"htpasswd": {"realm": "test", "path": str(self.folder / "htpasswd")}}
        for key, value in self.settings.items():
            config[key] = {**config.get(key, {}), **value} if isinstance(value, dict) else value
        return config

    def _arguments(self) -> list[str]:
        if self.kind == OLAREG:
            host, _, port = self.address.partition(":")
            folder = self.folder / "storage"
            folder.mkdir(exist_ok=True)
            return ["serve", "--addr", host, "--port", port, "--dir", str(folder)]
        path = self.folder / "config.yml"
        config = self._config()
        path.write_text(config if isinstance(config, str) else json.dumps(config))  # JSON is YAML
        return ["serve", str(path)]

    def start(self) -> None:
        self.process = subprocess.Popen(
            [program(self.kind), *self._arguments()],
            env={"OTEL_TRACES_EXPORTER": "none", "PATH": "/usr/bin:/bin"},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._wait()

    def _wait(self) -> None:
        host, _, port = self.address.partition(":")
        for _ in range(200):
            with contextlib.suppress(OSError):
                with socket.create_connection((host, int(port)), 1) as plain:
                    if self._tls:
                        context = ssl.create_default_context(cadata=self.ca_pem.decode())
                        context.wrap_socket(plain, server_hostname=host).close()
                return
            time.sleep(0.05)
        pytest.fail(f"{self.kind} does not answer")

    def stop(self, *, kill: bool = False) -> None:
        (self.process.kill if kill else self.process.terminate)()
        self.process.wait(20)


@contextlib.contextmanager
def registry(kind: str, folder: Path, **options: Any) -> Iterator[Registry]:
    """Run a registry for the time of a block."""
    found = Registry(kind, folder, **options)
    try:
        found.start()
        yield found
    finally:
        found.stop()
