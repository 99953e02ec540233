"""The command line of the bench."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from bench import attached, cases, cluster, install, lines, pushing, report, serving, single

_ROOT = Path(__file__).resolve().parent.parent
_QUICK = ("start", "pack", "push")
_GROWTH = "growth"
_CASES = {
    "tls": lines.tls,
    "pinned": lines.pinned,
    "proxy": lines.proxy,
    "layer": lines.layer,
    **cases.CASES,
    "attached": attached.attached,
    "push-loop": pushing.push_loop,
    "push-tokens": pushing.push_tokens,
    "redirects": pushing.redirects,
    "serve": serving.serve,
    "file": single.file,
    "unpack": cluster.unpack,
    "unpack-large": cluster.unpack_large,
}


def main() -> int:
    """Measure, print the table, and, unless the run is a quick one, keep results and page."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are ended on the way out
    arguments = _arguments()
    cache = _cache()
    install.install(cache, _tell)
    airgap = arguments.airgap or install.airgap(cache, _ROOT)
    lab = cases.Lab(cache, airgap.absolute(), arguments.runs, arguments.quick, _tell)
    results = [result for name in _chosen(arguments) for result in _measure(lab, name)]
    meta = {"machine": install.machine(), "versions": install.versions(cache, airgap)}
    stored = [{**result.to_json(), **meta} for result in results]
    sys.stdout.write(report.table(stored) + "\n")
    if not arguments.quick:
        report.keep(stored, _growth(lab, arguments.cases), _ROOT)
    return 0 if all(result.holds for result in results) or arguments.quick else 1


def _chosen(arguments: argparse.Namespace) -> list[str]:
    usual = _QUICK if arguments.quick else _CASES
    return [name for name in arguments.cases or usual if name != _GROWTH]


def _measure(lab: cases.Lab, name: str) -> list[cases.Result]:
    case = _CASES[name]
    _tell(f"{name}: {(case.__doc__ or '').splitlines()[0]}")
    return case(lab)


def _growth(lab: cases.Lab, chosen: list[str]) -> list[dict[str, Any]]:
    if chosen and _GROWTH not in chosen:
        return []
    _tell(f"{_GROWTH}: {(cases.growth.__doc__ or '').splitlines()[0]}")
    return cases.growth(lab)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure airgap against its peers, keep the results in bench/ and in"
        " docs/performance.md, and end with 1 where a bound is not kept.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE",
                        help=f"only of {', '.join(_CASES)}, {_GROWTH}")  # fmt: skip
    parser.add_argument(
        "--quick", action="store_true", help="less data, nothing kept: ends within a minute"
    )
    parser.add_argument("--runs", type=int, default=5,
                        help="runs of each (default: %(default)s)")  # fmt: skip
    parser.add_argument("--airgap", type=Path,
                        help="the program to measure (default: this source)")  # fmt: skip
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - {*_CASES, _GROWTH}:
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    if arguments.quick:
        arguments.runs = min(arguments.runs, 3)
    return arguments


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("AIRGAP_BENCH_CACHE") or Path(home) / "airgap-bench")


def _tell(text: str) -> None:
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")


if __name__ == "__main__":
    sys.exit(main())
