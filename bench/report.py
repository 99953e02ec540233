"""Turns results into a table and a plot for docs/performance.md."""

import html
import json
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from bench.peers import flat

_BEGIN, _END = "<!-- bench: begin -->", "<!-- bench: end -->"
_MIB = 1 << 20
_WIDTH, _ROW, _LEFT, _RIGHT = 720, 22, 150, 250
_BOTTOM = 210
_STYLE = (
    "text{fill:#1f2328}.page{fill:#ffffff}.ours{fill:#1f6feb}.theirs{fill:#8c959f}"
    ".axis{stroke:#d0d7de;fill:none}polyline{fill:none;stroke-width:2}"
    "polyline.first{stroke:#1f6feb}polyline.second{stroke:#cf222e}"
    "circle.first{fill:#1f6feb}circle.second{fill:#cf222e}"
    "@media (prefers-color-scheme:dark){text{fill:#e6edf3}.page{fill:#0d1117}"
    ".theirs{fill:#6e7681}.axis{stroke:#3d444d}}"
)
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
        if "processor_seconds_a_gb" in result:
            each = (f"{name} {s:.2f}" for name, s in result["processor_seconds_a_gb"].items())
            lines += [
                "",
                _wrapped(f"Processor seconds a GB of *{result['case']}*: {', '.join(each)}."),
            ]
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
    return _wrapped(f"{'; '.join(machines)}. {named}.")


def _wrapped(text: str) -> str:
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)


def _file(title: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in title.lower()).split()
    return f"{flat('-'.join(words))}.svg"


def _svg(height: int, parts: Iterable[str], title: str) -> str:
    """Return a drawing that is read on a light page and on a dark one."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"'
        f' font-family="sans-serif" font-size="12" role="img">\n<title>{html.escape(title)}</title>'
        f"\n<style>{_STYLE}</style>\n"
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>\n'
        f'<text x="10" y="20" font-weight="bold">{html.escape(title)}</text>\n{body}\n</svg>\n'
    )


def _bars(result: Json) -> str:
    rows = sorted(result["median"].items(), key=lambda item: item[1]["seconds"])
    scale = (_WIDTH - _LEFT - _RIGHT) / rows[-1][1]["seconds"]
    parts = []
    for number, (name, middle) in enumerate(rows):
        y = 34 + number * _ROW
        width = max(1, middle["seconds"] * scale)
        kind = "ours" if name == "airgap" else "theirs"
        parts += [
            f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{html.escape(name)}</text>',
            f'<rect class="{kind}" x="{_LEFT}" y="{y + 2}" width="{width:.1f}" height="16"/>',
            f'<text x="{_LEFT + width + 6:.1f}" y="{y + 14}">{_figures(result, name)}</text>',
        ]
    return _svg(40 + len(rows) * _ROW, parts, f"{result['case']}: seconds, less is better")


def _figures(result: Json, name: str) -> str:
    middle = result["median"][name]
    if "processor_seconds_a_gb" in result:
        more = f"{result['processor_seconds_a_gb'][name]:.1f} processor s a GB"
    else:
        more = f"{middle['cpu_seconds']:.1f} of the processor"
    return f"{middle['seconds']:.2f} s, {more}, {middle['max_rss'] / _MIB:.0f} MiB"


def _lines(growth: Sequence[Json]) -> Iterable[tuple[str, str]]:
    by_images = [entry for entry in growth if "images" in entry]
    by_connections = [entry for entry in growth if entry.get("connections")]
    yield "seconds by number of images", _line(by_images, "images", ("pack", "push"))
    title = "seconds by number of connections, each 40 ms and 25 MB/s"
    yield title, _line(by_connections, "connections", ("pack",))


def _line(entries: Sequence[Json], key: str, verbs: Sequence[str]) -> str:
    """Draw seconds over ``key``, its values evenly spaced; the figures stand in rows below."""
    if not entries:
        return ""
    most = max(entry[verb]["seconds"] for entry in entries for verb in verbs)
    step = (_WIDTH - 170) / max(1, len(entries) - 1)
    across = [120 + number * step for number in range(len(entries))]
    parts = [
        f'<path class="axis" d="M120 {_BOTTOM}H{_WIDTH - 30}M120 40V{_BOTTOM}"/>',
        f'<text transform="translate(20 {_BOTTOM / 2 + 20:.0f}) rotate(-90)"'
        ' text-anchor="middle">seconds</text>',
        *_row(_BOTTOM, key, across, [str(entry[key]) for entry in entries]),
    ]
    for number, (verb, kind) in enumerate(zip(verbs, ("first", "second"), strict=False), 1):
        seconds = [entry[verb]["seconds"] for entry in entries]
        points = [(x, _BOTTOM - s / most * 140) for x, s in zip(across, seconds, strict=True)]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="{kind}" points="{path}"/>')
        parts += [f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        y = _BOTTOM + number * _ROW
        parts += _row(y, f"{verb}, s", across, [f"{s:.1f}" for s in seconds])
        parts.append(f'<circle class="{kind}" cx="14" cy="{y + 14}" r="4"/>')
    title = f"{' and '.join(verbs)}: seconds by number of {key} (steps, not to scale)"
    return _svg(_BOTTOM + 12 + (len(verbs) + 1) * _ROW, parts, title)


def _row(y: float, name: str, across: Sequence[float], cells: Sequence[str]) -> Iterable[str]:
    """Write a name on the left, and a cell below each place of the axis."""
    yield f'<text x="24" y="{y + 18}">{name}</text>'
    for x, cell in zip(across, cells, strict=True):
        yield f'<text x="{x:.0f}" y="{y + 18}" text-anchor="middle">{cell}</text>'
