"""Signatures, attestations and SBOMs, from a registry into a bundle and into another registry."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError, NetworkError
from airgap.inspect.contents import inspect
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST
from airgap.oci.digest import Digest
from tests.support.attaching import BUNDLE, Place
from tests.support.images import CONFIG, EMPTY, Json, Stock
from tests.support.registry import MemoryRegistry
from tests.support.registry.memory import refusal
from tests.support.registry.quirks import ghcr, gitlab
from tests.support.serving import Answer


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


@pytest.mark.parametrize(("api", "most"), [(True, 4), (False, 5)])
def test_looking_where_nothing_is_costs_a_few_requests_a_manifest(
    place: Place, api: bool, most: int
) -> None:
    place.registry.referrers = api
    place.pack(attached=False)
    plain = len(place.registry.requests)
    (place.folder / "b.tar").unlink()
    place.pack()
    looks = len(place.registry.requests) - 2 * plain
    assert 0 < looks <= most * 2  # an index and a manifest


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


def test_a_list_of_ten_thousand_is_refused_before_any_of_it_is_opened(place: Place) -> None:
    place.registry.referrers = True
    entry = {"mediaType": OCI_MANIFEST, "size": 2}
    digests = [str(Digest.of(b"%d" % number)) for number in range(10_000)]
    every = [entry | {"digest": digest} for digest in digests]
    place.registry.looks.append(lambda request, _: _pages(request, every, 500))
    with pytest.raises(InputError, match=r"more than 1000 .*") as caught:
        place.pack()
    assert "--without-attached" in caught.value.hint
    asked = [r.path for r in place.registry.requests if "/referrers/" in r.path]
    assert len(asked) == 3  # pages of 500
    assert not [r for r in place.registry.requests if any(d in r.path for d in digests)]


def test_pages_without_end_are_refused(place: Place) -> None:
    place.registry.looks.append(lambda request, _: _pages(request, [], 1, endless=True))
    with pytest.raises(InputError, match="what is attached to it cannot be told"):
        place.pack()
    assert len([r for r in place.registry.requests if "/referrers/" in r.path]) == 100


def test_a_chain_of_fifty_is_followed_as_deep_as_the_bound(place: Place) -> None:
    place.registry.referrers = True
    subject = str(place.root.digest)
    for number in range(50):
        subject = place.attach(subject, b"level %d" % number)
    with pytest.raises(InputError, match="deeper than 4") as caught:
        place.pack()
    assert "--without-attached" in caught.value.hint
    asked = {r.path for r in place.registry.requests if "/referrers/" in r.path}
    assert len(asked) == 2 + 4  # the image's two manifests, and each level


def test_a_referrer_of_ten_gigabytes_is_refused_before_it_is_fetched(place: Place) -> None:
    place.registry.referrers = True
    layer = {"mediaType": BUNDLE, "digest": str(Digest.of(b"large")), "size": 10 << 30}
    subject = {"mediaType": OCI_INDEX, "digest": str(place.root.digest), "size": 1}
    place.stock.artifact(place.stock.blob(b"{}", CONFIG), layer, subject=subject)
    with pytest.raises(InputError, match=r"it has 10\.7 GB, and 1\.1 GB are taken") as caught:
        place.pack()
    assert "--max-attached MIB allows more; --without-attached" in caught.value.hint
    assert not [r for r in place.registry.requests if "/blobs/" in r.path]


def test_what_is_within_the_limit_is_taken(place: Place) -> None:
    place.attach(str(place.root.digest), b"12345", tag=".sig")
    with pytest.raises(InputError, match="6 B are taken"):
        place.pack(max_attached=6)
    assert len(place.pack(max_attached=7).attached) == 1


def test_a_subject_that_is_said_to_refer_to_itself_is_not_its_referrer(place: Place) -> None:
    place.registry.referrers = True
    own = [place.root.to_json(), place.child.to_json()]
    place.registry.looks.append(lambda request, _: _pages(request, own, 10))
    assert place.pack().attached == []


def test_what_names_another_subject_is_not_believed(place: Place) -> None:
    """The fallback tag of one image lists what refers to another one."""
    root, child = str(place.root.digest), str(place.child.digest)
    made = place.attach(child, b"of the child", lists=True)
    found = place.registry.content.repository("app")
    kind, body = found.manifests[made]
    place.stock.index(
        root.replace(":", "-"), {"mediaType": kind, "digest": made, "size": len(body)}
    )
    (one,) = place.pack().attached
    assert one.reference.tag == child.replace(":", "-")


def test_ghcrs_fallback_tag_is_read_and_its_api_asked_once(
    place: Place, target: MemoryRegistry
) -> None:
    ghcr(place.registry)
    root = str(place.root.digest)
    made = place.attach(root, b"signed", lists=True)
    place.pack()
    assert len([r for r in place.registry.requests if "/referrers/" in r.path]) == 1
    place.push(target)
    assert listed(target, root) == {made}


def test_cosigns_wrong_artifact_type_in_the_fallback_is_put_right(
    place: Place, target: MemoryRegistry
) -> None:
    """Before its fix cosign wrote the type of the empty config, and no annotations."""
    root = str(place.root.digest)
    made = place.attach(root, b"signed")
    kind, body = place.registry.content.repository("app").manifests[made]
    wrong = {"mediaType": kind, "digest": made, "size": len(body), "artifactType": EMPTY}
    place.stock.index(root.replace(":", "-"), wrong)
    place.pack()
    place.push(target)
    (repository,) = target.content.repositories.values()
    _, body = repository.manifests[repository.tags[root.replace(":", "-")]]
    (entry,) = json.loads(body)["manifests"]
    assert (entry["artifactType"], entry["annotations"]) == (BUNDLE, {"made": "now"})


def test_what_another_client_writes_meanwhile_is_kept(place: Place, target: MemoryRegistry) -> None:
    """Another client read the list before ours, and writes after us: it has lost ours."""
    root = str(place.root.digest)
    tag = root.replace(":", "-")
    ours = place.attach(root, b"ours", lists=True)
    place.pack()
    theirs = place.attach(root, b"theirs")
    _, body = place.registry.content.repository("app").manifests[theirs]
    wrote: list[str] = []

    def look(request: Any, _: bytes) -> Answer | None:
        """Before the first look at what we wrote, the other one writes."""
        is_ours = any(tag in r.path and r.method == "PUT" for r in target.requests)
        if is_ours and not wrote and request.method == "GET" and tag in request.path:
            (name,) = target.content.repositories
            there = Stock(target, name)
            wrote.append(tag)
            there.index(tag, there.put(json.loads(body)))
        return None

    target.looks.append(look)
    place.push(target)
    assert wrote
    assert listed(target, root) == {ours, theirs}


def _pages(request: Any, every: list[Json], most: int, *, endless: bool = False) -> Answer | None:
    """Answer as the referrers API, some at a time."""
    url = urlsplit(request.path)
    if "/referrers/" not in url.path:
        return None
    begin = int(parse_qs(url.query).get("at", ["0"])[0])
    value = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": every[begin : begin + most]}
    headers = {"Content-Type": OCI_INDEX}
    if endless or begin + most < len(every):
        headers["Link"] = f'<{url.path}?at={begin + most}>; rel="next"'
    return Answer(200, headers, json.dumps(value).encode())


def test_a_blob_that_fails_fails_its_image(place: Place) -> None:
    place.attach(str(place.root.digest), b"signed", tag=".sig")
    place.registry.content.repository("app").blobs.discard(str(Digest.of(b"signed")))
    with pytest.raises(InputError, match=r"app:1: .*\.sig: .* lacks the blob"):
        place.pack()
