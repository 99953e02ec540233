"""Signatures, attestations and SBOMs, from a registry into a bundle and into another registry."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError, NetworkError
from airgap.inspect.contents import inspect
from airgap.oci.descriptor import OCI_INDEX
from airgap.oci.digest import Digest
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.spec.spec import Spec
from airgap.spec.wanted import Wanted
from airgap.targets.registry import RegistryTarget
from airgap.transfer.check import check
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from tests.support.clock import FakeClock
from tests.support.images import CONFIG, Json, Stock, described
from tests.support.registry import MemoryRegistry
from tests.support.registry.memory import refusal
from tests.support.registry.quirks import gitlab
from tests.support.serving import Answer

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass
class Place:
    """A registry with one image, app:1, and what is attached to it."""

    registry: MemoryRegistry
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        self.stock = Stock(self.registry, "app")
        child = self.stock.image(b"base", b"app")
        self.child = described(child)
        self.root = described(self.stock.index("1", amd64=child))

    def attach(self, subject: str, content: bytes, *, tag: str = "", lists: bool = False) -> str:
        """Attach by cosign's tag, or as a referrer; ``lists`` writes the fallback tag, too."""
        more: Json = {}
        if not tag:
            about = {"mediaType": OCI_INDEX, "digest": subject, "size": 1}
            more = {"artifactType": BUNDLE, "annotations": {"made": "now"}, "subject": about}
        name = subject.replace(":", "-")
        made = self.stock.artifact(
            self.stock.blob(b"{}", CONFIG), self.stock.blob(content, SIMPLE if tag else BUNDLE),
            name=f"{name}{tag}" if tag else "", **more,
        )  # fmt: skip
        if lists:
            self.stock.index(name, made)
        return str(made["digest"])

    def pack(self, **more: Any) -> Result:
        wanted = (Wanted(Reference.parse(f"{self.registry.address}/app:1")),)
        spec = Spec(wanted, platforms=(Platform("linux", "amd64"),))
        request = Request(spec, wanted, self.folder / "b.tar", **more)
        with RegistrySource(Options(clock=self.clock, tries=2)) as source:
            result = pack(request, source, Silent())
        if result.error:
            raise result.error
        with Bundle.open(result.path) as bundle:
            bundle.verify()
        return result

    def push(self, target: MemoryRegistry) -> Report:
        stop = Stop(self.clock)
        options = Options(clock=self.clock)
        with (
            Bundle.open(self.folder / "b.tar") as bundle,
            RegistryTarget(target.address, options, scheme="http", stop=stop) as there,
        ):
            report = push(bundle.images, bundle, there, Silent(), stop=stop)
            report.check()
            check(bundle.images, bundle, there, stop=stop).check()
        return report


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with MemoryRegistry() as registry:
        yield Place(registry, tmp_path)


@pytest.fixture
def target() -> Iterator[MemoryRegistry]:
    with MemoryRegistry() as registry:
        yield registry


def listed(target: MemoryRegistry, subject: str) -> set[str]:
    """Return what the target says is attached, as its clients ask."""
    (repository,) = target.content.repositories.values()
    if target.referrers:
        return {entry["digest"] for entry in repository.referrers(subject)}
    _, body = repository.manifests[repository.tags[subject.replace(":", "-")]]
    return {entry["digest"] for entry in json.loads(body)["manifests"]}


@pytest.mark.parametrize("source_api", [True, False])
@pytest.mark.parametrize("target_api", [True, False])
def test_all_that_is_attached_crosses(
    place: Place, target: MemoryRegistry, source_api: bool, target_api: bool
) -> None:
    place.registry.referrers, target.referrers = source_api, target_api
    root, child = str(place.root.digest), str(place.child.digest)
    signature = place.attach(root, b"signed", tag=".sig")
    sbom = place.attach(child, b"sbom", lists=not source_api)
    signed = place.attach(sbom, b"the sbom is signed", lists=not source_api)
    result = place.pack()
    assert (len(result.images), result.with_attached) == (1, 1)
    assert result.to_json()["attached"] == {"count": 3, "image_count": 1}
    report = place.push(target)
    assert report.images == 1
    (repository,) = target.content.repositories.values()
    assert repository.tags[f"{root.replace(':', '-')}.sig"] == signature
    assert listed(target, child) == {sbom}
    assert listed(target, sbom) == {signed}
    assert place.push(target).tags == []


def test_inspect_lists_it_under_its_image(place: Place) -> None:
    place.attach(str(place.root.digest), b"signed", tag=".sig")
    place.attach(str(place.child.digest), b"sbom", lists=True)
    with Bundle.open(place.pack().path) as bundle:
        (image,) = inspect(bundle).to_json()["images"]
        index = bundle.member("index.json")
    assert {one["type"] for one in image["attached"]} == {"cosign signature", BUNDLE}
    named = [entry for entry in json.loads(index)["manifests"] if "annotations" in entry]
    assert [entry["digest"] for entry in named] == [str(place.root.digest)]


def test_what_has_nothing_attached_keeps_its_bytes(place: Place) -> None:
    plain = place.pack(attached=False).path.read_bytes()
    before = len(place.registry.requests)
    place.registry.referrers = True
    assert place.pack().path.read_bytes() == plain
    asked = [r for r in place.registry.requests[before:] if "sha256-" in r.path]
    assert [r.method for r in asked] == ["HEAD"] * 6  # three tags for each of two manifests
    assert b'"requires": []' in plain


def test_without_attached_looks_for_nothing(place: Place) -> None:
    place.attach(str(place.root.digest), b"signed", tag=".sig")
    assert place.pack(attached=False).attached == []
    assert not [r for r in place.registry.requests if "sha256-" in r.path or "referrers" in r.path]


def test_a_host_without_the_api_is_asked_once(place: Place) -> None:
    place.pack()
    assert len([r for r in place.registry.requests if "/referrers/" in r.path]) == 1


def test_the_targets_own_list_is_merged(place: Place, target: MemoryRegistry) -> None:
    root = str(place.root.digest)
    ours = place.attach(root, b"ours", lists=True)
    place.pack()
    place.push(target)
    (name,) = target.content.repositories
    theirs = place.attach(root, b"theirs")
    _, body = place.registry.content.repository("app").manifests[theirs]
    there = Stock(target, name)
    there.index(root.replace(":", "-"), there.put(json.loads(body)))
    place.push(target)
    assert listed(target, root) == {ours, theirs}


def test_a_target_that_does_not_list_it_is_an_error(place: Place, target: MemoryRegistry) -> None:
    place.attach(str(place.root.digest), b"ours", lists=True)
    place.pack()
    target.referrers = True
    empty = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}
    kind = {"Content-Type": OCI_INDEX}

    def look(request: Any, _: bytes) -> Answer | None:
        asks = "/referrers/" in request.path
        return Answer(200, kind, json.dumps(empty).encode()) if asks else None

    target.looks.append(look)
    with pytest.raises(NetworkError, match="does not list it as attached"):
        place.push(target)


def test_gitlabs_answer_for_the_tag_is_no_list(place: Place) -> None:
    gitlab(place.registry)
    assert place.pack().attached == []


@pytest.mark.parametrize("path", ["referrers/", r"manifests/sha256-"])
def test_a_source_that_cannot_say_is_an_error(place: Place, path: str) -> None:
    place.registry.looks.append(lambda request, _: _failed() if path in request.path else None)
    with pytest.raises(NetworkError, match="what is attached to it cannot be told") as caught:
        place.pack()
    assert "--without-attached" in caught.value.hint
    place.pack(attached=False)


def _failed() -> Answer:
    return refusal(503, "UNAVAILABLE", "no")


def test_what_goes_too_deep_is_refused(place: Place) -> None:
    place.registry.referrers = True
    subject = str(place.root.digest)
    for number in range(5):
        subject = place.attach(subject, b"level %d" % number)
    with pytest.raises(InputError, match="deeper than 4"):
        place.pack()


def test_too_many_are_refused(place: Place) -> None:
    place.registry.referrers = True
    for number in range(1001):
        place.attach(str(place.root.digest), b"%d" % number)
    with pytest.raises(InputError, match="more than 1000"):
        place.pack()


def test_a_blob_that_fails_fails_its_image(place: Place) -> None:
    place.attach(str(place.root.digest), b"signed", tag=".sig")
    place.registry.content.repository("app").blobs.discard(str(Digest.of(b"signed")))
    with pytest.raises(InputError, match=r"app:1: .*\.sig: .* lacks the blob"):
        place.pack()
