"""The cases of the line: TLS, a proxy, and one layer that is larger than all others together."""

from dataclasses import replace
from pathlib import Path

from bench import cases, checks, data, peers, servers
from bench.cases import Lab, Readings, Result, against_fastest, pack
from bench.clock import Command, Reading, median

_OURS, _ONE = "airgap", "curl, one connection"
_THROUGH, _WITHOUT = "through a proxy", "without"
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
    a_gb = _a_gb(readings, images)
    ratio = a_gb[_OURS] / a_gb[result.against]
    case, notes = "pack, TLS: processor seconds a GB", {"processor_seconds_a_gb": a_gb}
    processor = Result(case, ratio, 1.1, 1.3, result.against, notes={"see": "above"})
    return [replace(result, notes=notes), processor]


def _a_gb(readings: Readings, images: data.Images) -> dict[str, float]:
    """Return the processor seconds of each contestant for a gigabyte."""
    size = images.size / 1e9
    return {name: round(median(r).cpu_seconds / size, 3) for name, r in readings.items()}


def pinned(lab: Lab) -> list[Result]:
    """Pack over TLS with one processor for the client and another one for the registry."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    verbs = {name: peers.PACK[name] for name in (_OURS, "crane")}
    with lab.folder() as work:
        certificate = servers.certificate(work)
        with servers.registry(
            lab.programs / "registry", images.root, work, certificate, prefix=_on(1)
        ) as up:
            readings = pack(lab, images, up.address, verbs, certificate, _on(0))
    notes = {"processor_seconds_a_gb": _a_gb(readings, images)}
    ratio = median(readings[_OURS]).without_sync / median(readings["crane"]).without_sync
    case = "pack, TLS, a processor for each side"
    return [Result(case, ratio, 1.1, 1.3, "crane, without sync", readings, notes)]


def _on(processor: int) -> list[str]:
    return ["taskset", "-c", str(processor)]


def proxy(lab: Lab) -> list[Result]:
    """Pack over TLS through a proxy, by CONNECT, against the same without: processor seconds."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    binary = lab.programs / "registry"
    with lab.folder() as work:
        certificate = servers.certificate(work)
        with (
            servers.registry(binary, images.root, work, certificate) as up,
            servers.tunnel(lab.tool, work) as tunnel,
        ):
            port = up.address.rpartition(":")[2]
            ways = {
                _THROUGH: (f"{servers.NAMED}:{port}", {"https_proxy": f"http://{tunnel.address}"}),
                _WITHOUT: (up.address, {}),
            }

            def once(name: str) -> Reading:
                address, environment = ways[name]
                with lab.folder() as folder:
                    place = lab.place(address, images, certificate=certificate)
                    command = Command(peers.PACK[_OURS](place, folder), folder, environment)
                    lab.settle(images.root)
                    reading = command.run(lab.tool)
                    checks.packed(images, folder)
                return reading

            readings = cases.interleaved(lab, [_THROUGH, _WITHOUT], once)
            _check_tunnels(tunnel.log)
    ratio = median(readings[_THROUGH]).cpu_seconds / median(readings[_WITHOUT]).cpu_seconds
    case = "pack, TLS through a proxy: processor seconds"
    return [Result(case, ratio, 1.1, 1.3, _WITHOUT, readings)]


def _check_tunnels(log: Path) -> None:
    if f"CONNECT {servers.NAMED}" not in log.read_text():
        raise checks.WrongError("nothing went through the proxy")


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
