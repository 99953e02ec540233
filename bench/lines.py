"""The cases of the line: TLS, and one layer that is larger than all others together."""

from bench import data, peers, servers
from bench.cases import Lab, Result, against_fastest, pack
from bench.clock import median

_OURS, _ONE = "airgap", "curl, one connection"
_CUT = (3, 5_000_000)


def tls(lab: Lab) -> list[Result]:
    """Pack from a registry next door that speaks TLS, as every real one does."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    with lab.folder() as work:
        certificate = servers.certificate(work)
        with servers.registry(lab.programs / "registry", images.root, work, certificate) as up:
            readings = pack(lab, images, up.address, lab.some(peers.PACK), certificate)
    rivals = [name for name in readings if name != _OURS]
    result = against_fastest("pack, TLS", readings, rivals, 0.7, 0.85)
    a_gb = {n: median(r).cpu_seconds * 1e9 / images.size for n, r in readings.items()}
    ratio = a_gb[_OURS] / a_gb[result.against]
    notes = {"processor_seconds_a_gb": {name: round(s, 2) for name, s in a_gb.items()}}
    processor = Result("pack, TLS, processor", ratio, 1.1, 1.3, result.against, notes=notes)
    return [result, processor]


def layer(lab: Lab) -> list[Result]:
    """Pack one layer of 2 GB, 40 ms and 25 MB/s a connection, against one connection's time."""
    images = data.one_layer(100_000_000 if lab.quick else 2_000_000_000, lab.cache)
    verbs = {_OURS: peers.PACK[_OURS], _ONE: peers.curl(images, 1)}
    results = []
    with lab.folder() as work, servers.registry(lab.programs / "registry", images.root, work) as up:
        with servers.shaped(lab.tool, up.address, work) as slow:
            readings = pack(lab, images, slow.address, verbs)
        results.append(against_fastest("one layer of 2 GB", readings, [_ONE], 0.12, 0.2))
        with servers.shaped(lab.tool, up.address, work, _CUT) as slow:
            cut = pack(lab, images, slow.address, {_OURS: peers.PACK[_OURS]})
        ratio = median(cut[_OURS]).seconds / median(readings[_ONE]).seconds
        case = "the same, every third connection cut"
        results.append(Result(case, ratio, 0.2, 0.4, _ONE, cut))
    return results
