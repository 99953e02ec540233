"""Definitions: a YAML mapping, described in docs/spec.md; ``bundles/`` holds examples.

Foreign input: every error names the file and the key.
"""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.reference import Reference
from airgap.spec import file_names, topology
from airgap.spec.charts import PREFIX
from airgap.spec.image_list import parse_each, parse_line
from airgap.spec.spec import NAME, Spec
from airgap.spec.wanted import Placed, Wanted, platforms, renamed

KEYS = (
    "name", "serial", "platforms", "images", "node-image", "registry-image", "kind",
    "files", "hosts", "cluster-name", "workers", "charts",
)  # fmt: skip
IMAGE_KEYS = ("image", "platforms", "as")
CHART_KEYS = ("chart", "repository", "version", "as")
_T = TypeVar("_T")


def read_definition(value: object, what: str, folder: Path) -> Spec:
    """Read a definition.

    Args:
        value: what the YAML says.
        what: names it in errors.
        folder: what paths are relative to.

    Raises:
        InputError: something in it is wrong.
    """
    if not isinstance(value, dict):
        raise InputError(f"{what}: expected a YAML mapping", hint="see airgap help spec")
    return _Definition(value, what, folder).spec()


class _Mapping:
    """A YAML mapping with known keys; each method reads one kind of value."""

    def __init__(self, value: dict[Any, Any], what: str, keys: tuple[str, ...]) -> None:
        self.value, self.what = value, what
        unknown = sorted(set(map(str, value)) - set(keys))
        if planes := next(filter(topology.asks_for_more, unknown), None):
            raise self.wrong(planes, topology.WHY, topology.INSTEAD)
        if unknown:
            raise self.wrong(unknown[0], "unknown key", f"known are {', '.join(keys)}")

    def parsed(self, key: str, parse: Callable[[str], _T]) -> list[_T]:
        texts = self.texts(key)
        return parse_each(
            ((f"{self.what}: {key}[{n}]", text) for n, text in enumerate(texts)), parse
        )

    def text(self, key: str) -> str:
        value = self.value[key]
        if not isinstance(value, str) or not value:
            raise self.wrong(key, f"{shown(value)} is no text", "put quotes around it")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.value.get(key) or []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, "expected a list of texts", "put quotes around numbers")
        return value

    def number(self, key: str, default: int | None) -> int | None:
        value = self.value.get(key, default)
        if value is not None and (type(value) is not int or not 0 <= value < 1 << 53):
            raise self.wrong(key, f"{shown(value)} is no whole number", "write 0 or more")
        return value

    def wrong(self, key: str, why: str, hint: str) -> InputError:
        return InputError(f"{self.what}: {shown(key)[1:-1]}: {why}", hint=hint)


def _chart_line(value: dict[Any, Any], what: str) -> str:
    """Return the line for ``{chart: NAME, repository: URL, version: VERSION, as: NAME}``."""
    found = _Mapping(value, what, CHART_KEYS)
    if "chart" not in value:
        raise found.wrong("chart", "is missing", "write {chart: NAME, repository: URL, version: V}")
    text = found.text("chart")
    if "repository" in value:
        text = f"{found.text('repository').rstrip('/')}/{text}"
    if "version" in value:
        text = f"{text}:{found.text('version')}"
    return f"{text} as {found.text('as')}" if "as" in value else text


class _Definition(_Mapping):
    """A definition while it is being read."""

    def __init__(self, value: dict[Any, Any], what: str, folder: Path) -> None:
        super().__init__(value, what, KEYS)
        self._folder = folder

    def spec(self) -> Spec:
        self.parsed("platforms", lambda text: platforms([text]))  # tells which one is wrong
        chosen = platforms(self.texts("platforms"))
        spec = Spec(
            images=tuple(dict.fromkeys((*self._images(), *self._charts()))),
            name=self._name("name", "bundle"),
            serial=self.number("serial", None),
            platforms=chosen,
            all_platforms=not chosen and bool(self.texts("platforms")),
            files=self._files(),
            hosts=tuple(self.texts("hosts")),
            cluster_name=self._name("cluster-name", "kind"),
            workers=self.number("workers", 0) or 0,
        )
        spec = replace(spec, **self._optional())
        if not spec.images:
            raise self.wrong("images", "no image in it", "write images: [nginx:1.27]")
        return spec

    def _images(self) -> tuple[Wanted | Placed, ...]:
        items = self.value.get("images") or []
        if not isinstance(items, list) or not all(isinstance(item, str | dict) for item in items):
            raise self.wrong(
                "images", "expected a list of texts or mappings", "put quotes around numbers"
            )
        places = [f"{self.what}: images[{n}]" for n in range(len(items))]
        texts = [(p, i) for p, i in zip(places, items, strict=True) if isinstance(i, str)]
        lines = iter(parse_each(texts, self._line))
        found = [
            next(lines) if isinstance(item, str) else self._image(item, place)
            for place, item in zip(places, items, strict=True)
        ]
        return tuple(found)

    def _charts(self) -> list[Wanted | Placed]:
        """Read ``charts``: lines without ``helm:``, or mappings."""
        items = self.value.get("charts") or []
        if not isinstance(items, list) or not all(isinstance(item, str | dict) for item in items):
            raise self.wrong(
                "charts", "expected a list of texts or mappings", "see airgap help spec"
            )
        places = [f"{self.what}: charts[{n}]" for n in range(len(items))]
        lines = [
            (place, item if isinstance(item, str) else _chart_line(item, place))
            for place, item in zip(places, items, strict=True)
        ]
        return parse_each(
            ((place, PREFIX + line.removeprefix(PREFIX)) for place, line in lines), self._line
        )

    def _line(self, text: str) -> Wanted | Placed:
        return parse_line(text, self._folder)

    def _image(self, value: dict[Any, Any], what: str) -> Wanted | Placed:
        """Read an image that is more than a text: ``{image: …, platforms: […], as: …}``."""
        found = _Mapping(value, what, IMAGE_KEYS)
        if "image" not in value:
            raise found.wrong("image", "is missing", "write {image: nginx:1.27, platforms: [all]}")
        (wanted,) = parse_each([(f"{what}: image", found.text("image"))], self._line)
        if "platforms" in value:
            found.parsed("platforms", lambda text: platforms([text]))
            texts = found.texts("platforms")
            wanted = replace(wanted, platforms=platforms(texts) if texts else None)
        if "as" in value:
            (name,) = parse_each([(f"{what}: as", found.text("as"))], renamed)
            wanted = wanted.called(name)
        return wanted

    def _optional(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, attribute in (("node-image", "node_image"), ("registry-image", "registry_image")):
            if key in self.value:
                (found[attribute],) = parse_each(
                    [(f"{self.what}: {key}", self.text(key))], Reference.parse
                )
        if "kind" in self.value:
            found["kind"] = self._folder / self.text("kind")
        return found

    def _name(self, key: str, default: str) -> str:
        value = self.value.get(key, default)
        if not isinstance(value, str) or not NAME.fullmatch(value):
            raise self.wrong(
                key, f"{shown(value)} is no name", "use lower-case letters, digits, - and ."
            )
        return value

    def _files(self) -> dict[str, Path]:
        """Read ``files``: a list of paths, or a mapping from the name in the bundle to a path."""
        value = self.value.get("files") or {}
        if isinstance(value, list):
            items = [(Path(str(item)).name, item) for item in value]
        elif isinstance(value, dict):
            items = list(value.items())
        else:
            raise self.wrong("files", "expected a list or a mapping", "see airgap help spec")
        what = f"{self.what}: files"
        for name, path in items:
            file_names.check(name, what)
            if not isinstance(path, str):
                raise self.wrong(f"files: {name}", "expected a path", "put quotes around it")
        return file_names.apart(((name, self._folder / path) for name, path in items), what)
