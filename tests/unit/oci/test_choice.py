import pytest

from airgap.errors import InputError
from airgap.oci.choice import MAX_UNTOLD, Choice
from airgap.oci.descriptor import OCI_INDEX, OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.manifest import Index
from airgap.oci.platform import Platform


def child(name: str, platform: str = "", media_type: str = OCI_MANIFEST) -> Descriptor:
    found = Platform.parse(platform) if platform else None
    return Descriptor(media_type, Digest.of(name.encode()), 1, found)


def chosen(children: list[Descriptor], *wanted: str, **told: str) -> list[str]:
    names = {Digest.of(n.encode()): n for n in "abcdefgh"}

    def tell(found: Descriptor) -> Platform | None:
        text = told.get(names[found.digest])
        return Platform.parse(text) if text else None

    choice = Choice("app", [Platform.parse(text) for text in wanted], tell)
    picked = choice(Index(OCI_INDEX, tuple(children)))
    choice.check()
    return [names[found.digest] for found in picked]


AMD, ARM = child("a", "linux/amd64"), child("b", "linux/arm64")


def test_the_wanted_ones_in_the_order_asked_for() -> None:
    assert chosen([AMD, ARM], "linux/arm64", "linux/amd64") == ["b", "a"]
    assert chosen([AMD, ARM]) == ["a", "b"]


@pytest.mark.parametrize("wanted", [("linux/amd64", "linux/arm64"), ("linux/arm64", "linux/amd64")])
def test_a_platform_that_lacks_is_refused_wherever_it_stands(wanted: tuple[str, str]) -> None:
    with pytest.raises(InputError, match=r"no image for linux/arm64 \(it has linux/amd64\)"):
        chosen([AMD], *wanted)


def test_an_index_in_an_index_may_have_what_lacks() -> None:
    inner = child("c", media_type=OCI_INDEX)
    choice = Choice("app", [Platform("linux", "amd64"), Platform("linux", "arm64")])
    assert choice(Index(OCI_INDEX, (AMD, inner))) == [inner, AMD]
    with pytest.raises(InputError, match="no image for linux/arm64"):
        choice.check()
    assert choice(Index(OCI_INDEX, (ARM,))) == [ARM]
    choice.check()


def test_several_entries_for_one_platform_are_all_carried() -> None:
    windows = [child("a", "windows/amd64"), AMD, child("b", "windows/amd64")]
    assert chosen([child("c", "windows/amd64"), *windows[2:]], "windows/amd64") == ["c", "b"]


def test_the_best_variant_is_taken() -> None:
    arms = [child("a", "linux/arm/v5"), child("b", "linux/arm/v6")]
    assert chosen(arms, "linux/arm/v7") == ["b"]
    assert chosen([*arms, child("c", "linux/arm/v7")], "linux/arm") == ["c"]


def test_an_index_without_platforms_is_carried_whole() -> None:
    assert chosen([child("a"), child("b")], "linux/amd64") == ["a", "b"]
    assert chosen([child("a", "unknown/unknown")], "linux/amd64") == ["a"]
    assert chosen([], "linux/amd64") == []


def test_where_an_entry_says_no_platform_its_config_tells() -> None:
    untold = [child("a"), child("b"), child("c")]
    assert chosen(untold, "linux/arm64", a="linux/amd64", b="linux/arm64") == ["b", "c"]
    assert chosen([AMD, child("b")], "linux/amd64", b="linux/arm64") == ["a"]
    with pytest.raises(InputError, match="it has linux/amd64"):
        chosen(untold, "linux/s390x", a="linux/amd64")


def test_very_many_entries_without_a_platform_are_not_asked() -> None:
    many = [child("a")] * (MAX_UNTOLD + 1)
    with pytest.raises(InputError, match="101 entries without a platform"):
        chosen(many, "linux/amd64")


def test_attestations_are_left_out() -> None:
    assert chosen([AMD, child("b", "unknown/unknown")], "linux/amd64") == ["a"]


def test_buildkits_attestation_goes_with_its_platform() -> None:
    def attests(name: str, subject: Descriptor) -> Descriptor:
        annotations = {
            "vnd.docker.reference.type": "attestation-manifest",
            "vnd.docker.reference.digest": str(subject.digest),
        }
        value = child(name, "unknown/unknown").to_json() | {"annotations": annotations}
        return Descriptor.from_json(value, "test")

    children = [AMD, attests("c", AMD), ARM, attests("d", ARM)]
    assert chosen(children, "linux/arm64") == ["b", "d"]
    assert chosen(children, "linux/arm64", "linux/amd64") == ["b", "a", "c", "d"]
    without = Choice("app", [Platform("linux", "amd64")], attestations=False)
    assert without(Index(OCI_INDEX, tuple(children))) == [AMD]
