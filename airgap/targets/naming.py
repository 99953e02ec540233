"""naming: what images are called on the other side.

One value says it for a push, for the mirrors of nodes, and for whoever serves a bundle: below a
prefix, by the full name ``HOST/PATH``, by a template, or by a map. Names that collide, or that the
other side cannot take, are refused before anything is sent.
"""

import re
import string
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from airgap.errors import InputError
from airgap.oci.attached import belonging
from airgap.oci.image import Image
from airgap.oci.reference import Reference, host_component, is_repository, short_repositories
from airgap.progress import count

FULL = "{host}/{path}"
WITHOUT_HOST = "{path}"
FIELDS = ("host", "path", "namespace", "name")

_LINES = 20
_TWO_PARTS = {
    "docker.io": "NAMESPACE/NAME",
    "image-registry.openshift-image-registry.svc": "PROJECT/NAME",
}
_OPENSHIFT_ROUTE = "default-route-openshift-image-registry."
_COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True, slots=True)
class Naming:
    """How the repositories of images are called at a target.

    Attributes:
        target: the registry, ``HOST[:PORT]``: some take certain names alone; empty for any.
        prefix: stands before each of them.
        template: makes a name of the fields host (as one part of a path), path, namespace (the
            path but for its last part) and name (its last part).
        mapped: names that are said one by one; see `parse_map`.
        short_names: each image also gets its short name, where no other image claims it.
    """

    target: str = ""
    prefix: str = ""
    template: str = FULL
    mapped: Mapping[str, str] = field(default_factory=dict)
    short_names: bool = False

    def names(self, images: Iterable[Image]) -> Mapping[Reference, tuple[str, ...]]:
        """Return the repositories of each image, its own first.

        Raises:
            InputError: names collide or cannot be taken; the images are named.
        """
        images = list(images)
        _check_prefix(self.prefix)
        own = {image.reference: self.repository(image.reference) for image in images}
        for reference, attached in belonging(images).items():
            own |= {one.reference: own[reference] for one in attached}
        self._refuse(self._impossible(own), "the target cannot take")
        self._refuse(_collisions(images, own), "two images would have")
        further = self._further(own)
        return {reference: (name, *further.get(reference, ())) for reference, name in own.items()}

    def repository(self, reference: Reference) -> str:
        """Return the repository of an image, whether a registry takes that name or not."""
        for key in _keys(reference):
            if key in self.mapped:
                return self._below(self.mapped[key])
        namespace, _, name = reference.path.rpartition("/")
        values = {"path": reference.path, "namespace": namespace, "name": name}
        found = self.template.format_map({**values, "host": host_component(reference.host)})
        return self._below(re.sub("/+", "/", found).strip("/"))

    def unused(self, images: Iterable[Image]) -> Sequence[str]:
        """Return what the map names and no image is."""
        used = {key for image in images for key in _keys(image.reference)}
        return [key for key in self.mapped if key not in used]

    def _below(self, repository: str) -> str:
        prefix = self.prefix.strip("/")
        return f"{prefix}/{repository}" if prefix else repository

    def _further(self, own: Mapping[Reference, str]) -> Mapping[Reference, tuple[str]]:
        """Return the short names, but for those that are some image's own name."""
        taken = set(own.values())
        short = short_repositories(own) if self.short_names else {}
        found = {reference: short.get(reference.name) for reference in own}
        below = {reference: self._below(name) for reference, name in found.items() if name}
        return {reference: (name,) for reference, name in below.items() if name not in taken}

    def _impossible(self, own: Mapping[Reference, str]) -> Iterator[str]:
        parts = _parts(self.target)
        for reference, name in own.items():
            if not is_repository(name):
                yield f"{reference} as {name}: no repository may be called so"
            elif parts and name.count("/") != 1:
                yield f"{reference} as {name}: {self.target} takes {parts} alone"

    def _refuse(self, wrong: Iterable[str], what: str) -> None:
        lines = list(wrong)
        if not lines:
            return
        shown = [f"  {line}" for line in lines[:_LINES]]
        shown += [f"  and {len(lines) - _LINES} more"] if len(lines) > _LINES else []
        raise InputError(
            "\n".join([f"{count(len(lines), 'name')} that {what}: nothing was sent", *shown]),
            hint="--name-template TEXT or --map FILE gives other names, such as"
            " --name-template '{namespace}-{name}'",
        )


def check_template(text: str) -> str:
    """Return a template as it is, if it is one.

    Raises:
        InputError: it has other fields than `FIELDS`.
    """
    hint = f"known are {', '.join(f'{{{name}}}' for name in FIELDS)}"
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        raise InputError(f"name template {text!r}: {error}", hint=hint) from error
    for _, name, form, conversion in parts:
        if name is not None and (name not in FIELDS or form or conversion):
            odd = name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "")
            raise InputError(f"name template {text!r}: there is no {{{odd}}}", hint=hint)
    return text


def parse_map(text: str, what: str) -> dict[str, str]:
    """Read lines ``SOURCE=TARGET``; ``#`` begins a comment.

    SOURCE is an image's name, for all its tags, or a reference with a tag or a digest, for that
    alone. TARGET is a repository; the tag stays what it is.

    Args:
        text: the lines.
        what: names them in errors.

    Raises:
        InputError: names each line that is wrong.
    """
    found: dict[str, str] = {}
    wrong: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        entry = _COMMENT.sub("", line).strip()
        if not entry:
            continue
        try:
            source, target = _entry(entry)
        except InputError as error:
            wrong.append(f"{what}:{number}: {error.message}")
            continue
        if found.setdefault(source, target) != target:
            wrong.append(f"{what}:{number}: {source} has another name in a line before")
    if wrong:
        shown = wrong[:_LINES] + [f"and {len(wrong) - _LINES} more lines"] * (len(wrong) > _LINES)
        raise InputError(
            "\n".join(shown), hint="write SOURCE=TARGET, such as quay.io/org/app=team/app"
        )
    return found


def _entry(entry: str) -> tuple[str, str]:
    source, equals, target = (part.strip() for part in entry.partition("="))
    if not equals:
        raise InputError(f"{entry!r} has no =")
    reference = Reference.parse(source)
    is_exact = "@" in source or ":" in source.rpartition("/")[2]
    if not is_repository(target):
        raise InputError(f"{target!r} is no repository: lower case, without tag and digest")
    return str(reference) if is_exact else reference.name, target


def _keys(reference: Reference) -> tuple[str, ...]:
    """Return what a map may call an image, the most exact first."""
    tagged = f"{reference.name}:{reference.tag}" if reference.tag else reference.name
    return str(reference), tagged, reference.name


def _parts(target: str) -> str:
    """Return the form of the names that a registry takes; empty where it takes any."""
    host = target.partition(":")[0].lower()
    if host.startswith(_OPENSHIFT_ROUTE):
        return "PROJECT/NAME"
    return _TWO_PARTS.get(host, "")


def _check_prefix(prefix: str) -> None:
    stripped = prefix.strip("/")
    if stripped and not is_repository(stripped):
        lower = stripped.lower()
        raise InputError(
            f"{prefix!r} is no path in a registry: no repository may be called so",
            hint=f"write it as {lower}" if is_repository(lower) else "such as team/mirror",
        )


def _collisions(images: Sequence[Image], own: Mapping[Reference, str]) -> Iterator[str]:
    """Yield the images that would take another image's tag."""
    taken: dict[tuple[str, str], Image] = {}
    for image in images:
        reference = image.reference
        if not reference.tag:
            continue
        first = taken.setdefault((own[reference], reference.tag), image)
        if first.root.digest != image.root.digest:
            name = f"{own[reference]}:{reference.tag}"
            yield f"{first.reference} and {reference} would both be {name}"
