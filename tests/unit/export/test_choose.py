"""Which images of a bundle are meant."""

import pytest

from airgap.errors import InputError
from airgap.export.choose import choose
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference

ROOT = Descriptor(OCI_MANIFEST, Digest.of(b"{}"), 2)
IMAGES = [
    Image(Reference.parse(name), ROOT, (ROOT,), ()) for name in ("nginx:1.27", "quay.io/a/b:1")
]


def test_none_stands_for_all_and_any_spelling_for_its_image() -> None:
    assert choose(IMAGES, []) == IMAGES
    assert choose(IMAGES, ["docker.io/library/nginx:1.27"]) == IMAGES[:1]
    assert choose(IMAGES, ["quay.io/a/b:1", "nginx:1.27"]) == IMAGES


def test_what_is_not_there_is_named_all_at_once() -> None:
    with pytest.raises(InputError, match=r"not in the bundle: redis:7, nginx:2"):
        choose(IMAGES, ["redis:7", "nginx:1.27", "nginx:2"])
