"""The pages that a bundle carries: its own, and the documentation."""

from collections.abc import Collection, Mapping

from airgap.bundle.format import HELP, README
from airgap.help.carried import carried
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.pack.carried.page import Facts, page
from airgap.pack.carried.programs import file_name, platform_of
from airgap.pack.extras import Member, Payload
from airgap.pack.request import Request
from airgap.pack.sparse import sparse


def pages(
    request: Request, images: Collection[Image], bodies: Mapping[Digest, bytes], rest: Payload
) -> list[Member]:
    """Return the pages of a bundle.

    Args:
        request: what was to be packed.
        images: what is packed, without node and registry.
        bodies: the bytes of their manifests.
        rest: what the bundle carries besides.
    """
    facts = Facts(
        name=request.spec.name,
        images=len(images),
        platform=request.platform,
        cluster=bool(request.cluster),
        tool=platform_of(rest.tool) if rest.tool else None,
        program=file_name(request.platform),
        sparse=len(sparse(images, bodies)),
        secret=rest.secret,
        files=len(request.spec.files),
    )
    documentation = ((f"{HELP}{name}", text) for name, text in carried())
    return [(README, page(facts).encode()), *documentation]
