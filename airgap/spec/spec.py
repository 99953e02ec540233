"""Spec: what a bundle is to hold, read from an image list or from a YAML definition.

An image list has one reference a line, ``#`` comments and blank lines. A definition is a YAML
mapping, described in docs/spec.md; ``bundles/`` holds examples. Both are foreign input: every
error names the file and the line or key, and all bad lines are reported at once.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from airgap.errors import InputError
from airgap.files import inputs
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.spec import strictyaml

# The one table of defaults. kind names its node image itself (pkg/apis/config/defaults).
KIND_VERSION = "v0.32.0"
NODE_IMAGE = (
    "docker.io/kindest/node:v1.36.1"
    "@sha256:3489c7674813ba5d8b1a9977baea8a6e553784dab7b84759d1014dbd78f7ebd5"
)
REGISTRY_IMAGE = (
    "docker.io/library/registry:3.1.1"
    "@sha256:1be55279f18a2fe1a74edf2664cac61c1bea305b7b4642dab412e7affdcb3e33"
)

_MAX_BYTES = 4 << 20
_MAX_ERRORS = 20
_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_FILE_NAME = re.compile(
    r"[A-Za-z0-9_@%+=,-][A-Za-z0-9._@%+=, -]*(/[A-Za-z0-9_@%+=,-][A-Za-z0-9._@%+=, -]*)*"
)
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Spec:
    """What a bundle is to hold.

    Attributes:
        images: references in the order given, each once.
        name: the bundle's name, for people.
        serial: grows from one release of a bundle to the next; None where there is none.
        platforms: what to carry of an image for several; empty means not said.
        all_platforms: carry every platform.
        node_image: the kind node image.
        registry_image: the registry that runs in the cluster.
        kind: the kind binary; None means the one that is installed.
        files: path in the bundle, below airgap/files/, to the file on this machine.
        hosts: further names of the registry's certificate.
        cluster_name: the kind cluster's name.
        workers: number of worker nodes.
    """

    images: tuple[Reference, ...]
    name: str = "bundle"
    serial: int | None = None
    platforms: tuple[Platform, ...] = ()
    all_platforms: bool = False
    node_image: Reference = field(default_factory=lambda: Reference.parse(NODE_IMAGE))
    registry_image: Reference = field(default_factory=lambda: Reference.parse(REGISTRY_IMAGE))
    kind: Path | None = None
    files: Mapping[str, Path] = field(default_factory=dict)
    hosts: tuple[str, ...] = ()
    cluster_name: str = "kind"
    workers: int = 0


def load(path: Path) -> Spec:
    """Load an image list, or a definition where the name ends in .yaml or .yml.

    Raises:
        InputError: the file cannot be read, or something in it is wrong.
    """
    text = _read(path)
    if path.suffix in (".yaml", ".yml"):
        return _Definition(path, text).spec()
    name = path.stem.lower()
    return Spec(parse_list(text, str(path)), name=name if _NAME.fullmatch(name) else "bundle")


def _read(path: Path) -> str:
    data = inputs.read(path, _MAX_BYTES, "name a list of images, or a definition")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from error


def parse_list(text: str, what: str) -> tuple[Reference, ...]:
    """Parse an image list.

    Raises:
        InputError: lists every bad line as ``FILE:LINE: …``, or there is no image at all.
    """
    lines = ((f"{what}:{n}", _strip(line)) for n, line in enumerate(text.split("\n"), 1))
    found = _parse_all(((place, line) for place, line in lines if line), Reference.parse)
    if not found:
        raise InputError(
            f"{what}: no image in it", hint="write one reference a line, such as nginx:1.27"
        )
    return tuple(dict.fromkeys(found))


def _strip(line: str) -> str:
    """Drop a comment, which begins with ``#`` at the start or after a blank, and blanks."""
    return re.sub(r"(^|\s)#.*", "", line).strip(" \t\r")


def _parse_all(entries: Iterable[tuple[str, str]], parse: Callable[[str], _T]) -> list[_T]:
    found: list[_T] = []
    wrong: list[str] = []
    hint, more = "", 0
    for place, text in entries:
        try:
            found.append(parse(text))
        except InputError as error:
            more += len(wrong) == _MAX_ERRORS
            if not more:
                wrong.append(f"{place}: {error.message}")
                hint = hint or error.hint
    if wrong:
        raise InputError(
            "\n".join([*wrong, *([f"and {more} more lines"] if more else [])]), hint=hint
        )
    return found


class _Definition:
    """A YAML definition while it is being read; each method reads one kind of value."""

    KEYS = (
        "name", "serial", "platforms", "images", "node-image", "registry-image", "kind",
        "files", "hosts", "cluster-name", "workers",
    )  # fmt: skip

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self.value = _load_yaml(path, text)
        unknown = sorted(set(self.value) - set(self.KEYS))
        if unknown:
            raise self._wrong(str(unknown[0]), "unknown key", f"known are {', '.join(self.KEYS)}")

    def spec(self) -> Spec:
        platforms = self._texts("platforms")
        spec = Spec(
            images=tuple(dict.fromkeys(self._parsed("images", Reference.parse))),
            name=self._name("name", "bundle"),
            serial=self._number("serial", None),
            platforms=()
            if platforms == ["all"]
            else tuple(self._parsed("platforms", Platform.asked)),
            all_platforms=platforms == ["all"],
            files=self._files(),
            hosts=tuple(self._texts("hosts")),
            cluster_name=self._name("cluster-name", "kind"),
            workers=self._number("workers", 0) or 0,
        )
        return replace(spec, **self._optional())

    def _optional(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, attribute in (("node-image", "node_image"), ("registry-image", "registry_image")):
            if key in self.value:
                (found[attribute],) = _parse_all(
                    [(f"{self.path}: {key}", self._text(key))], Reference.parse
                )
        if "kind" in self.value:
            found["kind"] = self.path.parent / self._text("kind")
        return found

    def _parsed(self, key: str, parse: Callable[[str], _T]) -> list[_T]:
        texts = self._texts(key)
        return _parse_all(
            ((f"{self.path}: {key}[{n}]", text) for n, text in enumerate(texts)), parse
        )

    def _text(self, key: str) -> str:
        value = self.value[key]
        if not isinstance(value, str) or not value:
            raise self._wrong(key, f"{shown(value)} is no text", "put quotes around it")
        return value

    def _texts(self, key: str) -> list[str]:
        value = self.value.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self._wrong(key, "expected a list of texts", "put quotes around numbers")
        return value

    def _name(self, key: str, default: str) -> str:
        value = self.value.get(key, default)
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise self._wrong(
                key, f"{shown(value)} is no name", "use lower-case letters, digits, - and ."
            )
        return value

    def _number(self, key: str, default: int | None) -> int | None:
        value = self.value.get(key, default)
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 53):
            raise self._wrong(key, f"{shown(value)} is no whole number", "write 0 or more")
        return value

    def _files(self) -> dict[str, Path]:
        """Read ``files``: a list of paths, or a mapping from the name in the bundle to a path."""
        value = self.value.get("files") or {}
        if isinstance(value, list):
            value = {Path(str(item)).name: item for item in value}
        if not isinstance(value, dict):
            raise self._wrong("files", "expected a list or a mapping", "see docs/spec.md")
        for name, path in value.items():
            if not isinstance(name, str) or not _FILE_NAME.fullmatch(name) or len(name) > 80:
                raise self._wrong(
                    "files", f"{shown(name)} is no name for a file in a bundle",
                    "use at most 80 letters, digits, - _ . and /, without .. or a leading .",
                )  # fmt: skip
            if not isinstance(path, str):
                raise self._wrong(f"files: {name}", "expected a path", "put quotes around it")
        return {name: self.path.parent / path for name, path in value.items()}

    def _wrong(self, key: str, why: str, hint: str) -> InputError:
        return InputError(f"{self.path}: {shown(key)[1:-1]}: {why}", hint=hint)


def _load_yaml(path: Path, text: str) -> dict[str, Any]:
    value, *more = strictyaml.load_all(text, str(path)) or [None]
    if not isinstance(value, dict) or more:
        raise InputError(f"{path}: expected a YAML mapping", hint="see docs/spec.md")
    return value
