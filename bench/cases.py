"""The cases: what is measured, against whom, and what may not be exceeded."""

import contextlib
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import checks, data, peers, servers
from bench.clock import Command, Reading, median
from bench.data import Images, Shape
from bench.peers import BUNDLE, Place, Verb

_MIB = 1 << 20
_KERNEL = Path("/proc/sys/vm")
_IMPORTS = "import airgap.pack.pack, airgap.sources.registry, airgap.targets.registry"
_OURS = "airgap"
_SLOW = ("skopeo", "skopeo + tar", "crane oci + tar")
Tell = Callable[[str], None]
Readings = dict[str, list[Reading]]


@dataclass(frozen=True, slots=True)
class Lab:
    """Where the bench works, and how much of it.

    Attributes:
        cache: the folder that is kept, with programs and data.
        airgap: the program that is measured.
        runs: of each contestant.
        quick: whether the smaller data are used.
        tell: hears what happens.
    """

    cache: Path
    airgap: Path
    runs: int
    quick: bool
    tell: Tell

    @property
    def programs(self) -> Path:
        """The folder of the programs that were built."""
        return self.cache / "bin"

    @property
    def tool(self) -> Path:
        """The stopwatch and shaping proxy."""
        return self.programs / "bench-tool"

    @contextlib.contextmanager
    def folder(self) -> Iterator[Path]:
        """Make a folder that is removed at the end; on the disk of the cache, never in memory."""
        path = Path(tempfile.mkdtemp(prefix="work-", dir=self.cache))
        try:
            yield path
        finally:
            shutil.rmtree(path)

    def images(self, shape: Shape) -> Images:
        """Return the images of ``shape``."""
        return data.make(shape, self.cache)

    def settle(self, *inputs: Path) -> None:
        """Give each run the same memory: empty, but for the programs and what they read.

        Page cache in pieces makes a registry's writes cost up to three times as much processor
        time, so that the order of the runs would decide. Only root can empty it.
        """
        os.sync()
        with contextlib.suppress(OSError):
            _KERNEL.joinpath("drop_caches").write_text("3")
            _KERNEL.joinpath("compact_memory").write_text("1")
        for path in itertools.chain(self.programs.iterdir(), *(i.rglob("*") for i in inputs)):
            if path.is_file():
                _read(path)
        python = self.airgap.parent / "python"
        if python.exists():
            subprocess.run([str(python), "-c", _IMPORTS], check=True)

    def some(self, verbs: Mapping[str, Verb]) -> Mapping[str, Verb]:
        """Return the contestants: in a quick run without those that are never the fastest."""
        slow = _SLOW if self.quick else ()
        return {name: verb for name, verb in verbs.items() if name not in slow}

    def place(self, address: str, images: Images, **more: Any) -> Place:
        """Return where the peers find things."""
        return Place(self.programs, self.airgap, address, list(images.digests), **more)


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the results: ``ratio`` holds where it is not above ``bound``.

    ``ratio`` is a time against a time, or, for memory, MiB.
    """

    case: str
    ratio: float
    goal: float
    bound: float
    against: str
    readings: Readings = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the bound is kept."""
        return self.ratio <= self.bound

    def to_json(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return {
            "case": self.case,
            "ratio": round(self.ratio, 3),
            "bound": self.bound,
            "holds": self.holds,
            "goal": self.goal,
            "reaches_goal": self.ratio <= self.goal,
            "against": self.against,
            **self.notes,
            "median": {name: median(list_).to_json() for name, list_ in self.readings.items()},
            "raw": {name: [r.to_json() for r in list_] for name, list_ in self.readings.items()},
        }


def _read(path: Path) -> None:
    with path.open("rb", 0) as file:
        while file.read(_MIB):
            pass


def _seconds(readings: Readings, name: str) -> float:
    return median(readings[name]).seconds


def against_fastest(
    case: str, readings: Readings, peer_names: list[str], goal: float, bound: float
) -> Result:
    """Compare airgap's median with that of the fastest peer."""
    fastest = min(peer_names, key=lambda name: _seconds(readings, name))
    ratio = _seconds(readings, _OURS) / _seconds(readings, fastest)
    return Result(case, ratio, goal, bound, fastest, readings)


def interleaved(lab: Lab, contestants: list[str], once: Callable[[str], Reading]) -> Readings:
    """Run each contestant ``lab.runs`` times, in turn, each round beginning with another one."""
    readings: Readings = {name: [] for name in contestants}
    for number in range(lab.runs):
        begin = number % len(contestants)
        for name in [*contestants[begin:], *contestants[:begin]]:
            reading = once(name)
            readings[name].append(reading)
            lab.tell(f"  {name}: {reading.seconds:.2f} s, {reading.max_rss / _MIB:.0f} MiB")
    return readings


def pack_loopback(lab: Lab) -> list[Result]:
    """Pack from a registry next door."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    verbs = {**lab.some(peers.PACK), "curl": peers.curl(images)}
    with lab.folder() as work, servers.registry(lab.programs / "registry", images.root, work) as up:
        readings = pack(lab, images, up.address, verbs)
    rivals = [name for name in readings if name not in {_OURS, "curl"}]
    ratio = _seconds(readings, _OURS) / _seconds(readings, "curl")
    return [
        against_fastest("pack, loopback", readings, rivals, 0.7, 0.85),
        Result("pack, loopback, against curl", ratio, 1.25, 1.5, "curl", notes={"see": "above"}),
    ]


def pack_shaped(lab: Lab) -> list[Result]:
    """Pack through a proxy that gives each connection 40 ms and 25 MB/s."""
    images = lab.images(data.QUICK if lab.quick else data.SHAPED)
    with (
        lab.folder() as work,
        servers.registry(lab.programs / "registry", images.root, work) as up,
        servers.shaped(lab.tool, up.address, work) as slow,
    ):
        readings = pack(lab, images, slow.address, lab.some(peers.PACK))
    rivals = [name for name in readings if name != _OURS]
    return [against_fastest("pack, 40 ms and 25 MB/s", readings, rivals, 0.08, 0.15)]


def pack(
    lab: Lab,
    images: Images,
    address: str,
    verbs: Mapping[str, Verb],
    certificate: servers.Certificate | None = None,
    prefix: Sequence[str] = (),
) -> Readings:
    """Let each contestant pack ``images`` from a registry, and check what it made.

    ``prefix`` stands before each command.
    """
    place = lab.place(address, images, certificate=certificate)

    def once(name: str) -> Reading:
        with lab.folder() as folder:
            command = Command([*prefix, *verbs[name](place, folder)], folder, place.environment)
            lab.settle(images.root)
            reading = command.run(lab.tool)
            check = checks.fetched if name.startswith("curl") else checks.packed
            check(images, folder)
        return reading

    return interleaved(lab, list(verbs), once)


_PUSH = {"http": (0.42, 0.57), "TLS": (0.45, 0.6)}
"""The goal and the bound of a push."""


def push(lab: Lab) -> list[Result]:
    """Push into an empty registry, over plain http and over TLS."""
    images = lab.images(data.QUICK if lab.quick else data.STANDARD)
    results = []
    with lab.folder() as work:
        source = sources(lab, images, work)
        kinds = {"http": None} if lab.quick else {"http": None, "TLS": servers.certificate(work)}
        for kind, certificate in kinds.items():
            lab.tell(f" {kind}")
            readings = _push(lab, images, source, certificate)
            rivals = [name for name in readings if name != _OURS]
            results.append(against_fastest(f"push, {kind}", readings, rivals, *_PUSH[kind]))
    return results


def sources(lab: Lab, images: Images, work: Path) -> Path:
    """Make what is pushed: airgap's bundle, and OCI layouts for the peers."""
    folder = work / "sources"
    folder.mkdir()
    checks.layouts(images, folder)
    with servers.registry(lab.programs / "registry", images.root, work) as up:
        place = lab.place(up.address, images)
        Command(peers.PACK[_OURS](place, folder), folder, {}).run(lab.tool)
    return folder


def _push(
    lab: Lab, images: Images, source: Path, certificate: servers.Certificate | None
) -> Readings:
    def once(name: str) -> Reading:
        with lab.folder() as folder:
            storage = folder / "storage"
            with servers.registry(lab.programs / "registry", storage, folder, certificate) as up:
                place = lab.place(up.address, images, layouts=source, certificate=certificate)
                command = Command(peers.PUSH[name](place, folder), folder, place.environment)
                lab.settle(source)
                reading = command.run(lab.tool)
                prefix = peers.HOST if name == _OURS else ""
                checks.pushed(images, up.address, storage, certificate, prefix)
        return reading

    return interleaved(lab, list(lab.some(peers.PUSH)), once)


def again(lab: Lab) -> list[Result]:
    """Pack with ``--reuse``, and push, where nothing is new."""
    return [r for count in ((100,) if lab.quick else (100, 1000)) for r in _again(lab, count)]


def _again(lab: Lab, count: int) -> list[Result]:
    images = lab.images(data.many(count))
    budget = 1 + 0.005 * count
    with lab.folder() as work, servers.registry(lab.programs / "registry", images.root, work) as up:
        place = lab.place(up.address, images)
        Command(peers.PACK[_OURS](place, work), work, {}).run(lab.tool)
        (work / BUNDLE).rename(work / "old.tar")
        command = [*peers.PACK[_OURS](place, work), "--reuse", "old.tar"]
        packs, pack_notes = _counted(lab, up, Command(command, work, {}))
        (work / "old.tar").rename(work / BUNDLE)
        with servers.registry(lab.programs / "registry", work / "target", work) as target:
            place = lab.place(target.address, images, layouts=work)
            command = peers.PUSH[_OURS](place, work)
            Command(command, work, {}).run(lab.tool)
            pushes, push_notes = _counted(lab, target, Command(command, work, {}))
            checks.pushed(images, target.address, work / "target", prefix=peers.HOST)
    case = f"nothing new, {count} images"
    return [
        _budget(f"pack --reuse, {case}", packs, budget, pack_notes),
        _budget(f"push, {case}", pushes, budget, push_notes),
    ]


def _counted(
    lab: Lab, server: servers.Server, command: Command
) -> tuple[list[Reading], dict[str, Any]]:
    """Run a command ``lab.runs`` times and count its requests."""
    begun = server.requests()
    readings = [command.run(lab.tool) for _ in range(lab.runs)]
    requests = server.requests() - begun
    return readings, {"requests_a_run": {k: n / lab.runs for k, n in sorted(requests.items())}}


def _budget(case: str, readings: list[Reading], budget: float, notes: dict[str, Any]) -> Result:
    ratio = median(readings).seconds / budget
    return Result(case, ratio, 1.0, 1.0, f"{budget:.1f} s", {_OURS: readings}, notes)


def memory(lab: Lab) -> list[Result]:
    """Pack and push at two sizes: memory must not grow with them."""
    shapes = (data.QUICK,) if lab.quick else data.MEMORY
    return [result for shape in shapes for result in _memory(lab, shape)]


def _memory(lab: Lab, shape: Shape) -> list[Result]:
    packed, pushed = _there_and_back(lab, lab.images(shape))
    size = f"{shape.size / 1e9:g} GB"
    return [
        Result(
            f"memory of {verb}, {size}, MiB", reading.max_rss / _MIB, 60, 80, "", {_OURS: [reading]}
        )
        for verb, reading in (("pack", packed), ("push", pushed))
    ]


def _there_and_back(lab: Lab, images: Images) -> tuple[Reading, Reading]:
    """Pack from one registry, and push the bundle into an empty one."""
    with lab.folder() as work:
        with servers.registry(lab.programs / "registry", images.root, work) as up:
            place = lab.place(up.address, images)
            packed = Command(peers.PACK[_OURS](place, work), work, {}).run(lab.tool)
        with servers.registry(lab.programs / "registry", work / "target", work) as target:
            place = lab.place(target.address, images, layouts=work)
            pushed = Command(peers.PUSH[_OURS](place, work), work, {}).run(lab.tool)
    return packed, pushed


def many(lab: Lab) -> list[Result]:
    """Pack, inspect and serve 10,000 tiny images; the registry is in memory."""
    count = 2000 if lab.quick else 10_000
    with lab.folder() as work:
        few, _ = _many_packed(lab, count // 10, work)
        bundle, packed = _many_packed(lab, count, work)
        looks = {
            name: [Command(command, work, {}).run(lab.tool) for _ in range(lab.runs)]
            for name, command in (
                ("a tenth", [str(lab.airgap), "inspect", str(few)]),
                (_OURS, [str(lab.airgap), "inspect", str(bundle)]),
            )
        }
        served = [servers.serving(lab.airgap, bundle, work) for _ in range(lab.runs)]
    look = _seconds(looks, _OURS)
    growth = look / _seconds(looks, "a tenth") / 10
    case, start = f"{count} images", median(served).seconds / look
    each, most = packed.seconds * 1000 / count, max(reading.max_rss for reading in served) / _MIB
    return [
        Result(f"pack of {case}, ms an image", each, 15, 30, "", {_OURS: [packed]}),
        Result(f"inspect of {case}", growth, 1.0, 1.3, "ten times a tenth of them", looks),
        Result(f"start of serve with {case}", start, 1.2, 2, "inspect", {_OURS: served}),
        Result(f"memory of pack with {case}, MiB", packed.max_rss / _MIB, 300, 450, ""),
        Result(f"memory of serve with {case}, MiB", most, 300, 450, ""),
    ]


def _many_packed(lab: Lab, count: int, work: Path) -> tuple[Path, Reading]:
    """Pack so many tiny images."""
    folder = work / str(count)
    folder.mkdir()
    with servers.many(lab.tool, count, work) as up:
        names = [f"bench/app{number}" for number in range(count)]
        place = Place(lab.programs, lab.airgap, up.address, names)
        reading = Command(peers.PACK[_OURS](place, folder), folder, {}).run(lab.tool)
    return folder / BUNDLE, reading


def start(lab: Lab) -> list[Result]:
    """Time ``airgap --help`` against an interpreter that does nothing."""
    commands = {
        _OURS: [str(lab.airgap), "--help"],
        "python -c pass": [sys.executable, "-c", "pass"],
    }
    with lab.folder() as folder:
        readings = interleaved(
            lab, list(commands), lambda name: Command(commands[name], folder, {}).run(lab.tool)
        )
    ratio = median(readings[_OURS]).without_sync / median(readings["python -c pass"]).without_sync
    return [Result("airgap --help", ratio, 3, 6, "python -c pass", readings)]


def growth(lab: Lab) -> list[dict[str, Any]]:
    """Time pack and push from 10 to 1,000 images, and pack with 1 to 16 connections.

    Nothing here has a bound: it is for the plot.
    """
    return [] if lab.quick else [*_by_images(lab), *_by_connections(lab)]


def _by_images(lab: Lab) -> Iterator[dict[str, Any]]:
    for count in (10, 30, 100, 300, 1000):
        packed, pushed = _there_and_back(lab, lab.images(data.many(count)))
        lab.tell(f"  {count} images: pack {packed.seconds:.2f} s, push {pushed.seconds:.2f} s")
        yield {
            "key": f"{count} images",
            "images": count,
            "pack": packed.to_json(),
            "push": pushed.to_json(),
        }


def _by_connections(lab: Lab) -> Iterator[dict[str, Any]]:
    images = lab.images(data.STANDARD)
    with (
        lab.folder() as work,
        servers.registry(lab.programs / "registry", images.root, work) as up,
        servers.shaped(lab.tool, up.address, work) as slow,
    ):
        for count in (1, 2, 4, 8, 16, None):
            more = ["--connections", str(count)] if count else []
            place = lab.place(slow.address, images)
            command = [*peers.PACK[_OURS](place, work), *more]
            reading = Command(command, work, {}).run(lab.tool)
            (work / BUNDLE).unlink()
            lab.tell(f"  {count or 'found by itself'}: {reading.seconds:.2f} s")
            yield {"key": f"{count} connections", "connections": count, "pack": reading.to_json()}


CASES: Mapping[str, Callable[[Lab], list[Result]]] = {
    "start": start,
    "pack": pack_loopback,
    "push": push,
    "again": again,
    "shaped": pack_shaped,
    "memory": memory,
    "many": many,
}
