"""What looking for signatures, attestations and SBOMs costs where there are none."""

from pathlib import Path

from bench import data, peers, servers
from bench.cases import Lab, Result, median, pack
from bench.peers import Arguments, Place

_OURS, _WITHOUT = "airgap", "airgap --without-attached"


def attached(lab: Lab) -> list[Result]:
    """Pack forty images that have nothing attached, with and without looking for it."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    verbs = {_OURS: peers.PACK[_OURS], _WITHOUT: _without}
    with lab.folder() as work, servers.registry(lab.programs / "registry", images.root, work) as up:
        readings = pack(lab, images, up.address, verbs)
    ratio = median(readings[_OURS]).seconds / median(readings[_WITHOUT]).seconds
    return [Result("pack, looking for signatures", ratio, 1.25, 1.5, _WITHOUT, readings)]


def _without(place: Place, folder: Path) -> Arguments:
    return [*peers.PACK[_OURS](place, folder), "--without-attached"]
