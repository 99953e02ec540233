"""What runs while something is measured: registries and the shaping proxy, on loopback only."""

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.clock import Reading
from bench.tokens import ISSUER, SERVICE

_READY = 60.0
_HOST = "127.0.0.1"
NAMED = "registry.bench.test"
"""What a proxy is asked for: no program goes through one to reach a loopback address."""
_REQUEST = re.compile(r'"(GET|HEAD|POST|PUT|PATCH|DELETE) /v2/[^ "]*(manifests|blobs|tags)/')


@dataclass(frozen=True, slots=True)
class Server:
    """A running server.

    Attributes:
        address: host and port.
        log: what it wrote.
    """

    address: str
    log: Path

    def requests(self) -> Counter[str]:
        """Count the requests so far by method and kind: ``GET manifests``, and so on."""
        return Counter(
            f"{method} {kind}"
            for method, kind in _REQUEST.findall(self.log.read_text(errors="replace"))
        )


@dataclass(frozen=True, slots=True)
class Certificate:
    """The files of a TLS server."""

    cert: Path
    key: Path
    ca: Path


@contextlib.contextmanager
def registry(
    binary: Path,
    storage: Path,
    work: Path,
    certificate: Certificate | None = None,
    *,
    told: bool = True,
    auth: Mapping[str, object] | None = None,
    prefix: Sequence[str] = (),
) -> Iterator[Server]:
    """Run a distribution registry on ``storage``.

    Args:
        binary: the program.
        storage: its folder.
        work: where its configuration and its log are written.
        certificate: speaks TLS with it.
        told: its log has every request.
        auth: who is let in, as its configuration has it; everybody where None.
        prefix: stands before its command.
    """
    address = f"{_HOST}:{_free_port()}"
    http: dict[str, object] = {"addr": address, "secret": "bench"}
    if certificate:
        http["tls"] = {"certificate": str(certificate.cert), "key": str(certificate.key)}
    config = {
        "version": 0.1,
        "log": {"level": "error", "accesslog": {"disabled": not told}},
        "storage": {"filesystem": {"rootdirectory": str(storage), "maxthreads": 100}},
        "http": http,
        **({"auth": auth} if auth else {}),
    }
    path = work / f"registry-{address.rpartition(':')[2]}.json"
    path.write_text(json.dumps(config))
    log = path.with_suffix(".log")
    environment = {"OTEL_TRACES_EXPORTER": "none"}
    with _running([*prefix, str(binary), "serve", str(path)], log, environment, address):
        yield Server(address, log)


@contextlib.contextmanager
def shaped(
    tool: Path, target: str, work: Path, cut: tuple[int, int] | None = None
) -> Iterator[Server]:
    """Run a proxy before ``target`` that slows each connection down: 40 ms and 25 MB/s.

    Args:
        tool: the program that it is.
        target: what it forwards to.
        work: a folder for its log.
        cut: which connections it cuts (3: every third), and after how many bytes.
    """
    address = f"{_HOST}:{_free_port()}"
    log = work / f"shape-{address.rpartition(':')[2]}.log"
    line = ["40ms", "25e6", *map(str, cut or ())]
    with _running([str(tool), "shape", address, target, *line], log, {}, address):
        yield Server(address, log)


@contextlib.contextmanager
def tunnel(tool: Path, work: Path) -> Iterator[Server]:
    """Run a proxy that makes tunnels by CONNECT; its log has a line for each."""
    address = f"{_HOST}:{_free_port()}"
    log = work / f"tunnel-{address.rpartition(':')[2]}.log"
    with _running([str(tool), "tunnel", address], log, {}, address):
        yield Server(address, log)


@contextlib.contextmanager
def tokens(certificate: Certificate, seconds: float, work: Path) -> Iterator[Server]:
    """Run a token server that takes so long for each answer."""
    address = f"{_HOST}:{_free_port()}"
    log = work / f"tokens-{address.rpartition(':')[2]}.log"
    script = Path(__file__).parent / "tokens.py"
    files = [str(certificate.key), str(certificate.cert)]
    command = [sys.executable, str(script), address, *files, str(seconds)]
    with _running(command, log, {}, address):
        yield Server(address, log)


def trusting(server: Server, certificate: Certificate) -> Mapping[str, object]:
    """Return the configuration of a registry that believes the tokens of `tokens`."""
    token = {
        "realm": f"http://{server.address}/token",
        "service": SERVICE,
        "issuer": ISSUER,
        "rootcertbundle": str(certificate.ca),
    }
    return {"token": token}


@contextlib.contextmanager
def many(tool: Path, count: int, work: Path) -> Iterator[Server]:
    """Run a registry in memory: tiny images of ten layers, one its own, nine from a pool of 500."""
    address = f"{_HOST}:{_free_port()}"
    log = work / f"many-{address.rpartition(':')[2]}.log"
    with _running([str(tool), "many", address, str(count), "1", "9", "500"], log, {}, address):
        yield Server(address, log)


@contextlib.contextmanager
def served(airgap: Path, bundle: Path, work: Path) -> Iterator[Server]:
    """Run ``airgap serve`` on a bundle."""
    address = f"{_HOST}:{_free_port()}"
    log = work / "serve.log"
    command = [str(airgap), "serve", str(bundle), "--plain-http", "--listen", address, "-q"]
    with _running(command, log, {"HOME": str(work)}, address):
        yield Server(address, log)


def serving(airgap: Path, bundle: Path, work: Path) -> Reading:
    """Run ``airgap serve`` until it answers: the time to there, and the memory that it took."""
    address = f"{_HOST}:{_free_port()}"
    command = [str(airgap), "serve", str(bundle), "--plain-http", "--listen", address]
    begun = time.monotonic()
    with _running(command, work / "serve.log", {"HOME": str(work)}, address) as process:
        seconds = time.monotonic() - begun
        own = Path(f"/proc/{process.pid}")
        peak = re.search(r"VmHWM:\s+([0-9]+) kB", (own / "status").read_text())
        ticks = sum(map(int, (own / "stat").read_text().rpartition(") ")[2].split()[11:13]))
    cpu = ticks / os.sysconf("SC_CLK_TCK")
    return Reading(seconds, seconds, cpu, int(peak[1]) << 10 if peak else 0)


def certificate(work: Path) -> Certificate:
    """Make a CA and a certificate for 127.0.0.1 and ``NAMED``, with airgap's own code."""
    from airgap.certificates.make import issue

    tls = issue(["localhost", _HOST, NAMED])
    (work / "ca").mkdir()  # alone: skopeo takes a key beside it for a client's
    files = Certificate(work / "tls.crt", work / "tls.key", work / "ca/ca.crt")
    for path, content in (
        (files.cert, tls.cert_pem),
        (files.key, tls.key_pem),
        (files.ca, tls.ca_pem),
    ):
        path.write_bytes(content)
    return files


@contextlib.contextmanager
def _running(
    command: list[str], log: Path, environment: dict[str, str], address: str
) -> Iterator["subprocess.Popen[bytes]"]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment)
        try:
            _wait(process, address, log)
            yield process
        finally:
            process.terminate()
            process.wait()


def _wait(process: "subprocess.Popen[bytes]", address: str, log: Path) -> None:
    host, _, port = address.rpartition(":")
    end = time.monotonic() + _READY
    while process.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{address} did not come up: {log.read_text()[-500:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        port: int = probe.getsockname()[1]
        return port
