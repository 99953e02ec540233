from dataclasses import replace

import pytest

from airgap.oci.reference import Reference
from airgap.serve.catalog import Catalog
from airgap.sources.layout import Layout


def test_every_name_of_an_image(layout: Layout) -> None:
    catalog = Catalog(layout.images)
    assert catalog.names == (
        "docker.io/library/nginx",
        "ghcr.io/org/app",
        "nginx",
        "quay.io/org/app",
    )
    nginx = catalog.find("docker.io/library/nginx")
    assert nginx is not None
    assert catalog.find("nginx") is nginx
    assert catalog.find("library/nginx") is nginx
    assert catalog.find("org/app") is None  # two claim it
    image = layout.images[0]
    assert dict(nginx.tags) == {"1.27": image.root}
    assert set(nginx.manifests) == {d.digest for d in image.manifests}
    assert set(nginx.blobs) == {d.digest for d in image.blobs}


class Counted(str):
    """A text that counts how often it is looked for in a table."""

    looked = 0

    def __hash__(self) -> int:
        Counted.looked += 1
        return super().__hash__()


@pytest.mark.parametrize("one_repository", [True, False])
def test_naming_costs_as_much_as_there_are_images(layout: Layout, one_repository: bool) -> None:
    def cost(count: int) -> int:
        images = [
            replace(
                layout.images[0],
                reference=Reference(
                    "docker.io", Counted(f"x/{'y' if one_repository else n}"), Counted(f"t{n}")
                ),
            )
            for n in range(count)
        ]
        before = Counted.looked
        Catalog(images)
        return Counted.looked - before

    assert cost(400) <= 2 * cost(200) + 20
