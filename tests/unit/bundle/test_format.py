import pytest

from airgap.bundle.format import MAX_EXTRAS, check_names
from airgap.errors import InputError


def names(*found):
    return dict.fromkeys(found)


def test_a_member_that_is_a_folder_too_is_refused():
    check_names(names("airgap/files/a/b", "airgap/files/a.b"))
    for folder in ("airgap/files/a", "airgap/files", "airgap"):
        with pytest.raises(InputError, match="lie below"):
            check_names(names("airgap/files/a/b/c", folder))


def test_very_many_members_besides_blobs_are_refused():
    """Each may be many folders deep."""
    deep = [f"airgap/files/{n}/" + "a/" * 80 + "b" for n in range(MAX_EXTRAS)]
    check_names(names(*deep))
    with pytest.raises(InputError, match="more than 10000 members"):
        check_names(names(*deep, "airgap/README"))
