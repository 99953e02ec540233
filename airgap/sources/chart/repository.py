"""repository: a chart out of a repository with an index.yaml, or from a file on this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urljoin, urlsplit

from airgap.errors import AirgapError, InputError, TrustError
from airgap.files import inputs
from airgap.oci.digest import Digest, shown
from airgap.oci.reference import Reference
from airgap.sources.chart.content import Chart, named
from airgap.sources.chart.packed import MAX_PACKED
from airgap.spec.charts import is_remote, repository_of
from airgap.spec.strictyaml import load_all
from airgap.spec.wanted import Place
from airgap.transfer.workers import OWN

MAX_INDEX = 64 << 20
_MAX_PROVENANCE = 1 << 20
_SHOWN = 5


class Pages(Protocol):
    """What reads from web servers."""

    def page(self, url: str, limit: int, led_by: str = "") -> bytes | None:
        """Return what is at a URL, at most ``limit`` bytes; None: not there.

        Args:
            url: where.
            limit: in bytes.
            led_by: the URL of what names this one, where no user did.

        Raises:
            InputError: it is refused, or larger.
            NetworkError: the server failed in spite of retries.
            TrustError: it is further inside of this network than what names it.
        """


class Repositories:
    """Charts by where they are; each index is read once."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        self._entries: dict[str, Mapping[str, Any] | AirgapError] = {}

    def chart(self, place: Place) -> Chart:
        """Return a chart.

        Raises:
            InputError: it is not there, or no chart.
            TrustError: it is not what the index says.
            NetworkError: the server failed in spite of retries.
        """
        return self._fetched(place.text) if is_remote(place) else _file(place.folder / place.text)

    def _fetched(self, text: str) -> Chart:
        repository, name, version = repository_of(text)
        entry = self._entry(repository, name, version)
        url, index = _url(entry, repository, text), _index_of(repository)
        packed = self._pages.page(url, MAX_PACKED, index)
        if packed is None:
            raise InputError(
                f"{text}: {url}, which its index names, is not there",
                hint="ask who runs that repository",
            )
        said = entry.get("digest")
        if isinstance(said, str) and said and said.removeprefix("sha256:") != Digest.of(packed).hex:
            raise TrustError(
                f"{text}: {url} is {Digest.of(packed)}, and {shown(said)} in the index",
                hint="the chart was altered, or the index is old: ask who runs that repository",
            )
        provenance = self._pages.page(_beside(url), _MAX_PROVENANCE, index) or b""
        found = Chart(packed, provenance, Path(text), _below(repository))
        if (found.metadata.name, found.metadata.version) != (name, str(entry.get("version"))):
            raise InputError(
                f"{text}: {url} is {found.metadata.name} {found.metadata.version}",
                hint="ask who runs that repository",
            )
        return found

    def _entry(self, repository: str, name: str, version: str) -> Mapping[str, Any]:
        """Find a version in the index; one is the same with and without ``v`` before it."""
        versions = self._index(repository).get(name)
        entries = [one for one in versions or [] if isinstance(one, dict)]
        for wanted in (version, f"v{version}", version.removeprefix("v")):
            for one in entries:
                if one.get("version") == wanted:
                    return one
        has = [str(one.get("version")) for one in entries[:_SHOWN]]
        raise InputError(
            f"{repository} has no chart {name} {version}",
            hint=f"it has {', '.join(has)[:200]}" if has else "check the name and the address",
        )

    def _index(self, repository: str) -> Mapping[str, Any]:
        """Read an index, once; what it fails with is told of each of its charts."""
        if repository not in self._entries:
            try:
                self._entries[repository] = self._read(_index_of(repository))
            except OWN as error:
                self._entries[repository] = error
        found = self._entries[repository]
        if isinstance(found, AirgapError):
            raise found
        return found

    def _read(self, url: str) -> Mapping[str, Any]:
        body = self._pages.page(url, MAX_INDEX)
        if body is None:
            raise InputError(f"{url} is not there", hint="check the repository's address")
        try:
            documents = load_all(body.decode("utf-8-sig"), url, texts=True)
        except UnicodeDecodeError:
            raise InputError(f"{url} is not UTF-8") from None
        value = documents[0] if len(documents) == 1 else None
        entries = value.get("entries") if isinstance(value, dict) else None
        lists = entries if isinstance(entries, dict) else {"": None}
        if not all(isinstance(one, list) for one in lists.values()):
            raise InputError(
                f"{url} is not the index of a chart repository", hint="check the address"
            )
        return lists


def name_of(place: Place) -> Reference | None:
    """Return what a chart is called on the other side; None where only the file itself tells."""
    if not is_remote(place):
        return None
    repository, name, version = repository_of(place.text)
    return named(f"{_below(repository)}/{name}", version)


def _below(repository: str) -> str:
    """Return where the charts of a repository are on the other side, ``HOST[/PATH]``."""
    parts = urlsplit(repository)
    return f"{parts.netloc}{parts.path}".rstrip("/").lower()


def _index_of(repository: str) -> str:
    return f"{repository}/index.yaml"


def _url(entry: Mapping[str, Any], repository: str, text: str) -> str:
    """Return where a chart is; a relative address is one below the repository."""
    urls = entry.get("urls")
    first = urls[0] if isinstance(urls, list) and urls else None
    if not isinstance(first, str):
        raise InputError(f"{text}: the index does not say where it is")
    try:
        url = urljoin(f"{repository}/", first)
        parts = urlsplit(url)
        valid = bool(parts.hostname) and parts.scheme in ("http", "https") and not parts.username
    except ValueError:
        valid = False
    if not valid or not url.isprintable():
        raise InputError(
            f"{text}: the index names {shown(first)}, which is not an address on the web",
            hint="where it is oci://HOST/PATH, name that: helm:oci://HOST/PATH/NAME:VERSION",
        )
    return url


def _beside(url: str) -> str:
    """Return where a chart's provenance file is."""
    parts = urlsplit(url)
    return parts._replace(path=f"{parts.path}.prov").geturl()


def _file(path: Path) -> Chart:
    packed = inputs.read(path, MAX_PACKED, "name a chart's .tgz")
    beside = path.with_name(f"{path.name}.prov")
    signed = inputs.read(beside, _MAX_PROVENANCE) if inputs.is_file(beside) else b""
    return Chart(packed, signed, path, "localhost")
