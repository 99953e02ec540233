"""charts: what stands behind ``helm:`` in a list, and the ``charts`` of a definition.

helm:https://HOST/PATH/NAME:VERSION     a repository with an index.yaml, https://HOST/PATH
helm:oci://HOST/PATH/NAME:VERSION       an OCI registry
helm:FILE.tgz                           a file on this machine
"""

import re
from pathlib import Path
from urllib.parse import urlsplit

from airgap.errors import InputError
from airgap.oci.chart import tag_of
from airgap.oci.digest import shown
from airgap.oci.reference import Reference
from airgap.spec.wanted import Place, Placed, Wanted

PREFIX = "helm:"
_URL = re.compile(
    r"(?P<repository>https?://[^\s/?#@]+(?:/[^\s?#:@]*)?)/(?P<name>[A-Za-z0-9._-]+)"
    r":(?P<version>v?[0-9][A-Za-z0-9.+-]*)"
)
_LONGEST = 500
_HINT = "write helm:https://HOST/PATH/NAME:VERSION, helm:oci://HOST/PATH/NAME:VERSION, or a .tgz"


def parse(text: str, folder: Path) -> Wanted | Placed:
    """Read what stands behind ``helm:``.

    Raises:
        InputError: it has another form.
    """
    if text.startswith("oci://"):
        path, colon, version = text.removeprefix("oci://").rpartition(":")
        if not colon or "/" in version:
            raise InputError(f"{shown(PREFIX + text)}: it has no version", hint=_HINT)
        return Wanted(Reference.parse(f"{path}:{tag_of(version)}"))
    if "://" in text:
        repository_of(text)
    elif not text.endswith((".tgz", ".tar.gz")):
        raise InputError(f"{shown(PREFIX + text)} names no chart", hint=_HINT)
    return Placed(Place("helm", text, folder))


def is_remote(place: Place) -> bool:
    """Tell whether a chart is in a repository with an index.yaml, not on this machine."""
    return "://" in place.text


def repository_of(text: str) -> tuple[str, str, str]:
    """Split ``URL/NAME:VERSION`` into the repository's URL, name and version.

    Raises:
        InputError: it has another form.
    """
    match = _URL.fullmatch(text) if len(text) <= _LONGEST else None
    try:
        valid = bool(match and urlsplit(match["repository"]).hostname)
    except ValueError:
        valid = False
    if not match or not valid:
        raise InputError(f"{shown(PREFIX + text)} names no chart and version", hint=_HINT)
    return match["repository"], match["name"], match["version"]
