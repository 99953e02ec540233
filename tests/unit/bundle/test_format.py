import pytest

from airgap.bundle.format import MAX_EXTRAS, check_names
from airgap.errors import InputError


def names(*found):
    return dict.fromkeys(found)


def test_a_member_that_is_a_folder_too_is_refused():
    check_names(names("airgap/files/a/b", "airgap/files/a.b"))
    for folder in ("airgap/files/a", "airgap/files/A/b", "airgap"):
        with pytest.raises(InputError, match="lie below"):
            check_names(names("airgap/files/a/b/c", folder))


def test_very_many_members_besides_blobs_are_refused():
    """Each may be many folders deep."""
    deep = [f"airgap/files/{n}/" + "a/" * 80 + "b" for n in range(MAX_EXTRAS)]
    check_names(names(*deep))
    with pytest.raises(InputError, match="more than 10000 members"):
        check_names(names(*deep, "airgap/README"))


@pytest.mark.parametrize(
    "name",
    [
        "airgap/.bashrc", "airgap/bin/sudo", "airgap/bin/Kind", "airgap/bin/kind/x", "airgap/x",
        "airgap/tls.KEY", "airgap/files", "airgap/bin/airgap.sig", "airgap/readme",
    ],
)  # fmt: skip
def test_a_member_that_nobody_knows_is_refused(name):
    with pytest.raises(InputError, match="is none that a bundle may have"):
        check_names(names("airgap/README", name))


@pytest.mark.parametrize("part", ["-rf", ".bashrc", "a.", "a ", "..x", "-"])
@pytest.mark.parametrize("place", ["airgap/files/{}", "airgap/files/a/{}/b", "airgap/help/{}"])
def test_names_that_mislead_are_refused(part, place):
    with pytest.raises(InputError, match="is not allowed in a bundle"):
        check_names(names(place.format(part)))


@pytest.mark.parametrize("other", ["airgap/files/A", "airgap/files/A/c", "airgap/Files/x"])
def test_names_that_are_one_on_some_media_are_refused(other):
    check_names(names("airgap/files/a", "airgap/files/b/A", "airgap/files/b/c"))
    with pytest.raises(InputError):
        check_names(names("airgap/files/a", other))


def test_all_that_a_bundle_may_have():
    known = ["README", "registry.yaml", "kind.yaml", "ca.crt", "tls.crt", "tls.key"]
    check_names(names(*(f"airgap/{n}" for n in [*known, "bin/kind", "bin/airgap", "help/a.txt"])))
