"""The commands that `scripts/faults` runs, what they need, and whether their ends are right."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from faults import Ended, Refusal, Runner  # type: ignore[import-not-found]

from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError
from airgap.signatures.secret_key import SecretKey
from tests.support.bundles import Content, write
from tests.support.images import Maker
from tests.support.registry import MemoryRegistry

SIGNER, OTHER = "signer.key", "other.key"
PACK = [
    "pack", "{in}/images.txt", "-o", "{in}/out.tar", "--images-only", "--json",
    "--registry-mirror", "docker.io=http://{registry}/docker.io",
]  # fmt: skip
COMMANDS: dict[str, list[str]] = {
    "pack": PACK,
    "pack again": PACK,
    "verify": ["verify", "{in}/signed.tar", "--key", "{in}/signer.pub", "--json"],
    "inspect": ["inspect", "{in}/signed.tar", "--key", "{in}/signer.pub", "--json"],
    "sign": ["sign", "{in}/b.tar", "--key", f"{{in}}/{SIGNER}"],
    "sign beside": ["sign", "{in}/signed.tar", "--key", f"{{in}}/{OTHER}"],
    "keygen": ["keygen", "{in}/new"],
    "push": ["push", "{in}/b.tar", "{registry}/r{run}", "--insecure-registry", "{registry}"],
    "serve": ["serve", "{in}/b.tar", "--listen", "127.0.0.1:0", "--plain-http",
              "--ca-out", "{in}/ca.crt"],
}  # fmt: skip
COMMANDS["serve over TLS"] = [word for word in COMMANDS["serve"] if word != "--plain-http"]
LAYERS = 4


@contextlib.contextmanager
def serving() -> Iterator[str]:
    """Run a registry with two images in a process of its own; gives its address."""
    told, tell = os.pipe()
    child = os.fork()
    if not child:
        with MemoryRegistry() as registry:
            _fill(registry)
            os.write(tell, registry.address.encode())
            signal.pause()
    os.close(tell)
    try:
        yield os.read(told, 100).decode()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _fill(registry: MemoryRegistry) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        maker = Maker(Path(folder) / "layout")
        for name in ("nginx", "busybox"):
            layers = [maker.bytes(70_000) for _ in range(LAYERS)]
            root = maker.image(*layers, name=f"docker.io/library/{name}:1")
            repository = f"docker.io/library/{name}"
            body = (maker.folder / "blobs/sha256" / root["digest"][7:]).read_bytes()
            parsed = json.loads(body)
            for blob in (parsed["config"], *parsed["layers"]):
                found = maker.folder / "blobs/sha256" / blob["digest"][7:]
                registry.content.add_blob(repository, found.read_bytes())
            registry.content.add_manifest(repository, body, root["mediaType"], "1")


def prepare(folder: Path) -> None:
    """Make what every run finds: bundles, keys, a list, docker's configuration."""
    (folder / "tmp").mkdir(parents=True)
    (folder / ".docker").mkdir()
    (folder / ".docker/config.json").write_text('{"auths": {}}')
    (folder / "images.txt").write_text("nginx:1\nbusybox:1\n")
    content = Content()
    content.simple("nginx:1", 1, 50_000, 2_000)
    write(content, folder / "b.tar")
    shutil.copy(folder / "b.tar", folder / "signed.tar")
    for name in (SIGNER, OTHER):
        key = SecretKey.generate()
        (folder / name).write_bytes(key.to_bytes())
        (folder / name).with_suffix(".pub").write_bytes(key.public.to_bytes())
    from airgap.bundle.signature.sign import sign_bundle

    sign_bundle(folder / "signed.tar", SecretKey.load(folder / SIGNER), "comment")
    (folder / "out.tar").write_bytes(b"old")


class Judge:
    """Runs a command in a fresh folder, and says what is wrong with how it ended."""

    def __init__(self, runner: Runner, template: Path, address: str) -> None:
        self._runner, self._template, self._address = runner, template, address
        self._folder = runner.folder
        self._runs = os.getpid() * 100_000
        self._good = b""

    def count(self, command: str) -> Sequence[int]:
        """Return how many calls of each kind a command makes; it must end well."""
        ended = self._fresh(Refusal(command, "open"))
        if ended.code != 0:
            raise SystemExit(f"{command} fails by itself: {ended.err}")
        return ended.seen

    def judge(self, refusal: Refusal) -> tuple[Ended, str]:
        """Return how it ended, and what is wrong with that; empty where nothing is."""
        if refusal.command.startswith("pack") and not self._good:
            self._fresh(Refusal("pack", "open"))
            self._good = (self._folder / "out.tar").read_bytes()
        ended = self._fresh(refusal)
        return ended, _end(ended, str(self._folder)) or self._left(refusal, ended)

    def _fresh(self, refusal: Refusal) -> Ended:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._template, self._folder)
        if refusal.command == "pack again":  # takes up what a full disk left
            self._run(Refusal("pack", "write", 9, "ENOSPC"))
        return self._run(refusal)

    def _run(self, refusal: Refusal) -> Ended:
        self._runs += 1
        values = {"in": self._folder, "registry": self._address, "run": self._runs}
        arguments = [word.format(**values) for word in COMMANDS[refusal.command]]
        served = refusal.command.startswith("serve")
        return self._runner.run(refusal, arguments, _talk if served else None)

    def _left(self, refusal: Refusal, ended: Ended) -> str:
        """Look at the files that it left, then run it again."""
        look: dict[str, Callable[[Ended], str]] = {
            "pack": self._packed, "pack again": self._packed, "sign": self._signed,
            "sign beside": self._signed, "keygen": self._keys,
        }  # fmt: skip
        wrong = look.get(refusal.command, lambda _: "")(ended)
        if wrong or ended.code == 0:
            return wrong
        again = self._run(Refusal(refusal.command, refusal.call))
        if refusal.command == "keygen" and (self._folder / "new.key").exists():
            return ""  # it overwrites nothing
        if again.code != 0:
            return f"the same command again ends with {again.code}: {again.err}"
        if refusal.command.startswith("pack") and ended.err.count("is complete") == 2:
            fetched = json.loads(again.out)["fetched"]
            return f"{fetched} bytes are fetched again" if fetched else self._packed(again)
        return look.get(refusal.command, lambda _: "")(again)

    def _packed(self, ended: Ended) -> str:
        found = (self._folder / "out.tar").read_bytes()
        if found == self._good or (ended.code and found == b"old"):
            return ""
        return f"{len(found)} bytes under the final name, neither the old bundle nor the new"

    def _signed(self, ended: Ended) -> str:
        for name in ("b.tar", "signed.tar"):
            try:
                with Bundle.open(self._folder / name) as bundle:
                    bundle.verify(threads=1)
            except AirgapError as error:
                return f"{name} is no bundle any more: {error}"
        halves = [p for p in self._folder.glob("*.minisig") if p.read_bytes().count(b"\n") != 4]
        return f"half a signature: {halves}" if halves else ""

    def _keys(self, ended: Ended) -> str:
        made = [self._folder / "new.key", self._folder / "new.pub"]
        there = [path.exists() for path in made]
        if ended.code == 0 or all(there):
            SecretKey.load(made[0])
        return "half a pair of keys" if len(set(there)) == 2 else ""


def _end(ended: Ended, folder: str) -> str:
    """Judge the exit code and what was said."""
    if ended.code is None:
        return "it does not end"
    if "a fault in airgap" in ended.err or "Traceback" in ended.err:
        return "a fault in airgap"
    errors = re.findall(r"^error: (.*)$", ended.err, re.MULTILINE)
    if ended.code == 0:
        return "an error and exit code 0" if errors else ""
    if ended.code != 6:
        return f"exit code {ended.code}"
    if len(errors) != 1 or ended.err.count("hint: ") != 1:
        return "not one error and one hint"
    return "" if folder in errors[0] else "the error names no file"


def _talk(child: int, err: Path, end: float) -> None:
    """Ask a server for all that it has, then end it."""
    told = None
    while time.monotonic() < end and not told:
        said = err.read_text()
        if "http:" in said or "its CA is in" in said:  # all is written
            told = re.search(r"Serving .* at (https?)://127\.0\.0\.1:([0-9]+)", said)
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            return
        time.sleep(0.005)
    if told:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            _ask(told[1], int(told[2]))
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGTERM)


def _ask(scheme: str, port: int) -> None:
    import ssl

    context: Any = ssl._create_unverified_context() if scheme == "https" else None
    way = (
        http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
        if context
        else http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    )
    with contextlib.closing(way):
        name = "docker.io/library/nginx"
        body = _got(way, f"/v2/{name}/manifests/1")
        for layer in json.loads(body)["layers"]:
            _got(way, f"/v2/{name}/blobs/{layer['digest']}")


def _got(way: http.client.HTTPConnection, path: str) -> bytes:
    way.request("GET", path)
    return way.getresponse().read()
