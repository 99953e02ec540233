"""Lists of other tools, read as they are: Hauler's manifests, zarf.yaml, oc-mirror's image sets.

What such a file holds besides images, Hauler's charts and files that lie beside it is not
taken, and named.
Foreign input: every error names the file and the entry.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airgap.errors import InputError
from airgap.oci.digest import shown
from airgap.oci.platform import Platform
from airgap.spec import file_names
from airgap.spec.charts import PREFIX
from airgap.spec.image_list import parse_each, parse_line
from airgap.spec.spec import NAME, Spec
from airgap.spec.wanted import Placed, Wanted

_HAULER = "content.hauler.cattle.io/"
_ZARF = ("ZarfPackageConfig", "ZarfInitConfig")
_OC_MIRROR = "ImageSetConfiguration"
_ARCHITECTURES = ("amd64", "arm64")
_CONTENT_OF_COMPONENTS = (
    "actions", "charts", "dataInjections", "files", "imageArchives", "import", "manifests",
    "repos", "repositories",
)  # fmt: skip


@dataclass
class _Taken:
    """What was read so far."""

    what: str
    folder: Path
    name: str = ""
    platforms: tuple[Platform, ...] = ()
    images: list[Wanted | Placed] = field(default_factory=list)
    files: list[tuple[str, Path]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    def leave(self, whose: str, value: Mapping[str, Any], known: Iterable[str]) -> None:
        """Note the keys of a mapping that are not read."""
        keys = [str(key) for key in value if key not in known and value[key]]
        if keys:
            self.left_out.append(f"{whose}: {', '.join(_counted(key, value[key]) for key in keys)}")

    def spec(self) -> Spec:
        if not self.images:
            raise InputError(
                f"{self.what}: no image in it"
                + "".join(f"; not taken: {text}" for text in self.left_out[:3]),
                hint="name its images in a list: one reference a line",
            )
        return Spec(
            tuple(dict.fromkeys(self.images)),
            name=self.name if NAME.fullmatch(self.name) else "bundle",
            platforms=self.platforms,
            files=file_names.apart(self.files, self.what),
            left_out=tuple(self.left_out),
        )


def read_foreign(documents: Sequence[Any], what: str, folder: Path) -> Spec | None:
    """Read a list of another tool; None where it is none.

    Args:
        documents: what the YAML says.
        what: names it in errors.
        folder: what paths are relative to.

    Raises:
        InputError: something in it is wrong, it is of a kind that is not known, or no image is
            in it.
    """
    objects = [value for value in documents if value is not None]
    if not objects or not all(map(_is_foreign, objects)):
        return None
    taken = _Taken(what, folder)
    for value in objects:
        kind = value.get("kind")
        if str(value.get("apiVersion", "")).startswith(_HAULER):
            _hauler(str(kind), value, taken)
        elif kind in _ZARF:
            _zarf(value, taken)
        elif kind == _OC_MIRROR:
            _oc_mirror(value, taken)
        else:
            raise InputError(
                f"{what}: a {shown(kind)} is no list of images",
                hint="airgap reads its own definitions, Hauler's manifests, zarf.yaml and"
                " oc-mirror's ImageSetConfiguration",
            )
    return taken.spec()


def _is_foreign(value: object) -> bool:
    """Tell whether an object is another tool's; our own definitions know a kind, too."""
    if not isinstance(value, dict):
        return False
    return "apiVersion" in value or value.get("kind") in (*_ZARF, _OC_MIRROR)


def _hauler(kind: str, value: Mapping[str, Any], taken: _Taken) -> None:
    metadata = _mapping(value, "metadata", taken.what)
    spec = _mapping(value, "spec", taken.what)
    label = f"{kind} {metadata.get('name', '')}".strip()
    if kind == "Images":
        _hauler_images(label, metadata, _items(spec, "images", taken.what), taken)
    elif kind == "Files":
        for item in _items(spec, "files", taken.what):
            _hauler_file(label, item, taken)
    elif kind == "Charts":
        for item in _items(spec, "charts", taken.what):
            _hauler_chart(label, item, taken)
    else:
        names = [_named(item) for key in spec for item in _items(spec, key, taken.what)]
        taken.left_out.append(f"{label}: {', '.join(names) or 'all of it'}")


def _hauler_images(
    label: str, metadata: Mapping[str, Any], items: list[Any], taken: _Taken
) -> None:
    usual = _mapping(metadata, "annotations", taken.what)
    lines = []
    for item in items:
        entry = item if isinstance(item, dict) else {"name": item}
        registry = str(entry.get("registry") or usual.get("hauler.dev/registry") or "")
        platform = str(entry.get("platform") or usual.get("hauler.dev/platform") or "")
        lines.append(_line(_below(registry, str(entry.get("name", ""))), platform))
        taken.leave(f"{label}, {_named(entry)}", entry, ("name", "registry", "platform"))
    own = {key: usual[key] for key in usual if str(key).startswith("hauler.dev/")}
    taken.leave(label, own, ("hauler.dev/registry", "hauler.dev/platform"))
    taken.images += _images(lines, f"{taken.what}: {label}")


def _hauler_chart(label: str, item: object, taken: _Taken) -> None:
    """Take a chart of which the repository and the version are said."""
    entry = item if isinstance(item, dict) else {}
    name, url, version = (str(entry.get(key) or "") for key in ("name", "repoURL", "version"))
    if not (name and version and url.startswith(("https://", "http://", "oci://"))):
        taken.left_out.append(f"{label}: {_named(item)}")
        return
    line = f"{PREFIX}{url.rstrip('/')}/{name}:{version}"
    taken.images += _images([line], f"{taken.what}: {label}")
    taken.leave(f"{label}, {_named(item)}", entry, ("name", "repoURL", "version"))


def _hauler_file(label: str, item: object, taken: _Taken) -> None:
    entry = item if isinstance(item, dict) else {"path": item}
    path = str(entry.get("path", ""))
    if "://" in path or not path:
        taken.left_out.append(f"{label}: {path or 'a file without a path'}")
        return
    name = str(entry.get("name") or Path(path).name)
    file_names.check(name, f"{taken.what}: {label}")
    taken.files.append((name, taken.folder / path))


def _zarf(value: Mapping[str, Any], taken: _Taken) -> None:
    metadata = _mapping(value, "metadata", taken.what)
    taken.name = str(metadata.get("name", ""))
    architecture = metadata.get("architecture")
    if architecture in _ARCHITECTURES:
        taken.platforms = (Platform("linux", architecture),)
    for number, component in enumerate(_items(value, "components", taken.what)):
        if not isinstance(component, dict):
            raise InputError(f"{taken.what}: components[{number}] is no mapping")
        label = f"component {component.get('name', number)}"
        only = _mapping(_mapping(component, "only", taken.what), "cluster", taken.what)
        lines = [_line(_named(item)) for item in _items(component, "images", taken.what)]
        found = _images(lines, f"{taken.what}: {label}")
        if only.get("architecture") in _ARCHITECTURES:
            its = (Platform("linux", only["architecture"]),)
            found = [replace(wanted, platforms=its) for wanted in found]
        taken.images += found
        taken.leave(label, component, set(component) - set(_CONTENT_OF_COMPONENTS))


def _oc_mirror(value: Mapping[str, Any], taken: _Taken) -> None:
    taken.leave(_OC_MIRROR, value, ("apiVersion", "kind", "mirror"))
    mirror = _mapping(value, "mirror", taken.what)
    taken.leave("mirror", mirror, ("additionalImages",))
    items = _items(mirror, "additionalImages", taken.what)
    for item in items:
        if isinstance(item, dict):
            taken.leave(f"additionalImages, {_named(item)}", item, ("name",))
    lines = [_line(_named(item)) for item in items]
    taken.images += _images(lines, f"{taken.what}: additionalImages")


def _images(lines: Iterable[str], what: str) -> list[Wanted | Placed]:
    return parse_each(((f"{what}[{n}]", line) for n, line in enumerate(lines)), parse_line)


def _line(name: str, platform: str = "") -> str:
    return f"--platform {platform} {name}" if platform else name


def _below(registry: str, name: str) -> str:
    """Put a registry before a name that has none."""
    first, slash, _ = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    return f"{registry}/{name}" if registry and not has_host else name


def _named(item: object) -> str:
    """Return what an entry is called: a text, or a mapping with a name."""
    if isinstance(item, dict):
        found = item.get("name") or item.get("path") or item.get("ref") or item.get("url")
        version = f" {item['version']}" if "version" in item else ""
        return f"{found}{version}" if found else shown(item)
    return str(item)


def _counted(key: str, value: object) -> str:
    return f"{key} ({len(value)})" if isinstance(value, list | dict) and len(value) > 1 else key


def _mapping(value: Mapping[str, Any], key: str, what: str) -> Mapping[str, Any]:
    found = value.get(key) or {}
    if not isinstance(found, dict):
        raise InputError(f"{what}: {key} is no mapping")
    return found


def _items(value: Mapping[str, Any], key: str, what: str) -> list[Any]:
    found = value.get(key) or []
    if not isinstance(found, list):
        raise InputError(f"{what}: {key} is no list")
    return found
