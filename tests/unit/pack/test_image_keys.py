"""`pack --image-key` and `verify --image-key`: images without a signature are listed, early."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError, TrustError
from airgap.inspect.image_keys import check_signed
from airgap.oci.digest import Digest
from airgap.signatures.cosign import MAX_CANDIDATES, ImageKey
from tests.support.attaching import Place
from tests.support.cosign import ANNOTATION, KeyPair, bundle, payload
from tests.support.images import Stock
from tests.support.registry import MemoryRegistry


class Signing:
    """A place, a key, and images signed with it."""

    def __init__(self, place: Place) -> None:
        self.place, self.pair = place, KeyPair()
        path = place.folder / "image.pub"
        path.write_bytes(self.pair.pem)
        self.key = ImageKey.load(path)
        self.root = str(place.root.digest)

    def sign(self, pair: KeyPair | None = None) -> None:
        body = payload(self.root)
        signature = {ANNOTATION: (pair or self.pair).sign(body)}
        self.place.attach(self.root, body, tag=".sig", annotations=signature)

    def pack(self, **more: object) -> Path:
        return self.place.pack(image_keys=(self.key,), **more).path


@pytest.fixture
def signing(tmp_path: Path) -> Iterator[Signing]:
    with MemoryRegistry() as registry:
        yield Signing(Place(registry, tmp_path))


def blobs_asked(signing: Signing) -> set[str]:
    paths = [r.path for r in signing.place.registry.requests if "/blobs/" in r.path]
    return {path.rpartition("/")[2] for path in paths}


def test_a_signature_under_the_tag_counts(signing: Signing) -> None:
    signing.sign()
    with Bundle.open(signing.pack()) as bundle_:
        check_signed(bundle_, [signing.key])


@pytest.mark.parametrize("api", [True, False])
def test_a_signature_that_refers_to_the_image_counts(signing: Signing, api: bool) -> None:
    signing.place.registry.referrers = api
    signing.place.attach(signing.root, bundle(signing.pair, signing.root), lists=not api)
    with Bundle.open(signing.pack()) as bundle_:
        check_signed(bundle_, [signing.key])


def test_the_result_has_the_line_for_the_other_side(signing: Signing) -> None:
    signing.sign()
    told = signing.place.pack(image_keys=(signing.key,)).to_json()["image_key"]
    name = f"{signing.place.registry.address.replace(':', '_')}/app:1"
    assert (told["image_count"], told["keys"]) == (1, [signing.key.name])
    assert told["verify"].endswith(f"--insecure-ignore-tlog=true REGISTRY/{name}")
    assert signing.place.pack().to_json()["image_key"] is None


def test_all_images_without_are_listed_before_a_layer_is_fetched(signing: Signing) -> None:
    signing.sign()
    names = [f"other{number}" for number in range(5)]
    for name in names:
        Stock(signing.place.registry, name).image(b"layer", name="1")
    signing.place.names = ("app:1", *(f"{name}:1" for name in names))
    with pytest.raises(TrustError, match="no cosign signature by") as caught:
        signing.pack()
    assert all(f"/{name}:1" in caught.value.message for name in names)
    assert "/app:1" not in caught.value.message
    layers = {str(Digest.of(content)) for content in (b"base", b"app", b"layer")}
    assert not layers & blobs_asked(signing)
    assert not (signing.place.folder / "b.tar.partial").exists()


def test_keep_going_leaves_them_out(signing: Signing) -> None:
    signing.sign()
    Stock(signing.place.registry, "other").image(b"layer", name="1")
    signing.place.names = ("app:1", "other:1")
    result = signing.place.pack(image_keys=(signing.key,), keep_going=True)
    assert [image.reference.path for image in result.images] == ["app"]
    (failed,) = result.failed
    assert failed.path == "other"


@pytest.mark.parametrize("where", ["child", "other key", "attestation", "nothing", "junk"])
def test_what_is_no_signature_of_the_image(signing: Signing, where: str) -> None:
    signing.place.registry.referrers = True
    child = str(signing.place.child.digest)
    if where == "child":
        signing.place.attach(child, bundle(signing.pair, child))
    elif where == "other key":
        signing.sign(KeyPair())
    elif where == "attestation":
        provenance = bundle(signing.pair, signing.root, "https://slsa.dev/provenance/v1")
        signing.place.attach(signing.root, provenance)
    elif where == "junk":
        signing.place.attach(signing.root, b"signed", tag=".sig", annotations={ANNOTATION: "!"})
    with pytest.raises(TrustError, match=r"app:1: no cosign signature by .*image\.pub"):
        signing.pack()


def test_one_of_several_keys_is_enough(signing: Signing) -> None:
    signing.sign()
    path = signing.place.folder / "second.pub"
    path.write_bytes(KeyPair("ed25519").pem)
    signing.place.pack(image_keys=(ImageKey.load(path), signing.key))


def test_very_many_signatures_are_not_all_looked_at(signing: Signing) -> None:
    signing.place.registry.referrers = True
    pair = KeyPair()
    for number in range(MAX_CANDIDATES + 1):
        about = f"https://sigstore.dev/cosign/sign/v1?{number}"
        signing.place.attach(signing.root, bundle(pair, signing.root, about))
    with pytest.raises(InputError, match="more than 100 signatures"):
        signing.pack()
    assert len(blobs_asked(signing)) == MAX_CANDIDATES


def test_verify_lists_the_images_without(signing: Signing) -> None:
    with (
        Bundle.open(signing.place.pack().path) as bundle_,
        pytest.raises(TrustError, match="app:1: no cosign signature by"),
    ):
        check_signed(bundle_, [signing.key])
    check_signed(bundle_, [])
