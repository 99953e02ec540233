"""Turns results into a table and a plot for docs/performance.md."""

import html
import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.peers import flat

_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
_MIB = 1 << 20
_WIDTH, _ROW, _LEFT, _RIGHT = 720, 22, 190, 130
_OURS, _THEIRS = "#1f6feb", "#8c959f"
Json = dict[str, Any]


def table(results: Sequence[Json]) -> str:
    """Return the results as Markdown: one table of ratios, then one for each contest."""
    lines = [
        "| case | against | ratio | goal | fails above | holds |",
        "| --- | --- | --- | --- | --- | --- |",
        *(_ratio_row(result) for result in results),
    ]
    for result in results:
        if len(result["median"]) > 1:
            lines += ["", f"**{result['case']}** (medians of {_runs(result)})", *_contest(result)]
        if "requests_a_run" in result:
            counts = (f"{n:g} {kind}" for kind, n in result["requests_a_run"].items())
            lines += ["", f"Requests of *{result['case']}*: {', '.join(counts) or 'none'}."]
    return "\n".join(lines)


def _ratio_row(result: Json) -> str:
    holds = "yes" if result["holds"] else "**no**"
    goal = f"{result['goal']:g}" + ("" if result["reaches_goal"] else " (missed)")
    cells = [result["case"], result["against"] or "itself", f"{result['ratio']:.2f}", goal]
    cells += [f"{result['bound']:g}", holds]
    return f"| {' | '.join(cells)} |"


def _runs(result: Json) -> int:
    return min(len(readings) for readings in result["raw"].values())


def _contest(result: Json) -> Iterable[str]:
    yield ""
    yield "| program | seconds, with sync | least - most | without sync | processor | memory |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, middle in sorted(result["median"].items(), key=lambda item: item[1]["seconds"]):
        every = [reading["seconds"] for reading in result["raw"][name]]
        spread = f"{min(every):.2f} - {max(every):.2f}"
        rest = f"{middle['without_sync']:.2f} | {middle['cpu_seconds']:.2f} s"
        memory = f"{middle['max_rss'] / _MIB:.0f} MiB"
        yield f"| {name} | {middle['seconds']:.2f} | {spread} | {rest} | {memory} |"


def keep(results: Sequence[Json], growth: Sequence[Json], root: Path) -> None:
    """Keep results: those of the same case are replaced, in their place; others stay.

    Writes bench/results.json and growth.json, the plots under docs/performance/, and the tables
    into docs/performance.md.
    """
    every = _merged(root / "bench/results.json", results, "case")
    lines = _merged(root / "bench/growth.json", growth, "key")
    plots = [(result["case"], _bars(result)) for result in every if len(result["median"]) > 1]
    plots += [(title, svg) for title, svg in _lines(lines) if svg]
    folder = root / "docs/performance"
    folder.mkdir(exist_ok=True)
    for title, svg in plots:
        (folder / _file(title)).write_text(svg)
    links = "\n\n".join(f"![{title}](performance/{_file(title)})" for title, _ in plots)
    page = root / "docs/performance.md"
    text = page.read_text()
    head, tail = text.split(_BEGIN)[0], text.split(_END)[1]
    body = "\n\n".join([_meta(every), table(every), links])
    page.write_text(f"{head}{_BEGIN}\n{body}\n{_END}{tail}")


def _merged(path: Path, new: Sequence[Json], key: str) -> list[Json]:
    old = json.loads(path.read_text()) if path.exists() else []
    merged = {entry[key]: entry for entry in (*old, *new)}
    path.write_text(json.dumps(list(merged.values()), indent=1) + "\n")
    return list(merged.values())


def _meta(results: Sequence[Json]) -> str:
    """Name the machines and versions: more than one where cases were measured apart."""
    machines = dict.fromkeys(result["machine"] for result in results)
    versions: dict[str, dict[str, None]] = {}
    for result in results:
        for name, version in result["versions"].items():
            versions.setdefault(name, {})[version] = None
    named = ", ".join(f"{name} {' and '.join(found)}" for name, found in versions.items())
    return f"{'; '.join(machines)}. {named}."


def _file(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
    return f"{flat('-'.join(words))}.svg"


def _svg(height: int, parts: Iterable[str], title: str) -> str:
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' font-family="sans-serif" font-size="12" role="img">\n<title>{html.escape(title)}</title>'
        f'\n<rect width="{_WIDTH}" height="{height}" fill="white"/>\n'
        f'<text x="10" y="20" font-weight="bold">{html.escape(title)}</text>\n{body}\n</svg>\n'
    )


def _bars(result: Json) -> str:
    rows = sorted(result["median"].items(), key=lambda item: item[1]["seconds"])
    most = rows[-1][1]["seconds"]
    scale = (_WIDTH - _LEFT - _RIGHT) / most
    parts = []
    for number, (name, middle) in enumerate(rows):
        y = 34 + number * _ROW
        width = max(1, middle["seconds"] * scale)
        colour = _OURS if name == "airgap" else _THEIRS
        label = f"{middle['seconds']:.2f} s, {middle['max_rss'] / _MIB:.0f} MiB"
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>',
            f'<rect x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="16" fill="{colour}"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 14}">{label}</text>',
        ]
    return _svg(40 + len(rows) * _ROW, parts, f"{result['case']}: seconds, less is better")


def _lines(growth: Sequence[Json]) -> Iterable[tuple[str, str]]:
    by_images = [entry for entry in growth if "images" in entry]
    by_connections = [entry for entry in growth if entry.get("connections")]
    yield "seconds by number of images", _line(by_images, "images", ("pack", "push"))
    title = "seconds by number of connections, each 40 ms and 25 MB/s"
    yield title, _line(by_connections, "connections", ("pack",))


def _line(entries: Sequence[Json], key: str, verbs: Sequence[str]) -> str:
    """Draw seconds over ``key``, its values evenly spaced: each is a multiple of the one before."""
    if not entries:
        return ""
    height, bottom = 240, 200
    most = max(entry[verb]["seconds"] for entry in entries for verb in verbs)
    step = (_WIDTH - 120) / max(1, len(entries) - 1)
    parts = [f'<path d="M60 {bottom}H{_WIDTH - 40}M60 40V{bottom}" stroke="#d0d7de"/>']
    for number, entry in enumerate(entries):
        x = 60 + number * step
        parts.append(
            f'<text x="{x:.0f}" y="{bottom + 18}" text-anchor="middle">{entry[key]}</text>'
        )
    for verb, colour in zip(verbs, (_OURS, "#cf222e"), strict=False):
        parts += _one_line(entries, verb, colour, lambda s: bottom - s / most * 150, step)
    return _svg(height, parts, f"{' and '.join(verbs)}: seconds by number of {key}")


def _one_line(
    entries: Sequence[Json], verb: str, colour: str, height: Callable[[float], float], step: float
) -> Iterable[str]:
    points = [
        (60 + n * step, height(entry[verb]["seconds"]), entry[verb]["seconds"])
        for n, entry in enumerate(entries)
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for x, y, seconds in points:
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
        yield f'<text x="{x:.1f}" y="{y - 8:.1f}" text-anchor="middle">{verb} {seconds:.1f}</text>'
