"""The command line of the bench."""

import argparse
import os
import sys
import time
from pathlib import Path

from bench import cases, data, install, report

_ROOT = Path(__file__).resolve().parent.parent
_QUICK = ("start", "pack", "push")


def main() -> int:
    """Measure, print the table, and, after a whole run, write results and page."""
    arguments = _arguments()
    cache = _cache()
    install.install(cache, _tell)
    lab = cases.Lab(cache, arguments.airgap, arguments.runs, arguments.quick, _tell)
    chosen = arguments.cases or (_QUICK if arguments.quick else tuple(cases.CASES))
    results = []
    for name in chosen:
        _tell(f"{name}: {(cases.CASES[name].__doc__ or '').splitlines()[0]}")
        results += cases.CASES[name](lab)
    stored = [result.to_json() for result in results]
    sys.stdout.write(report.table(stored) + "\n")
    if not arguments.quick and not arguments.cases:
        _tell("growth")
        meta = {
            "versions": install.versions(cache, arguments.airgap),
            "machine": install.machine(),
            "data": _describe(data.STANDARD),
        }
        report.write(stored, cases.growth(lab), meta, _ROOT)
    return 0 if all(result.holds for result in results) or arguments.quick else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure airgap against its peers. A whole run writes bench/results.json and"
        " docs/performance.md, and ends with 1 where a bound is not kept.",
    )
    parser.add_argument("cases", nargs="*", metavar="CASE",
                        help=f"only of {', '.join(cases.CASES)}; nothing is written")  # fmt: skip
    parser.add_argument("--quick", action="store_true", help="less data: ends within a minute")
    parser.add_argument("--runs", type=int, default=5,
                        help="runs of each (default: %(default)s)")  # fmt: skip
    parser.add_argument("--airgap", type=Path, default=_ROOT / ".venv/bin/airgap",
                        help="the airgap to measure (default: the one of .venv)")  # fmt: skip
    arguments = parser.parse_args()
    if unknown := set(arguments.cases) - set(cases.CASES):
        parser.error(f"no such case: {', '.join(sorted(unknown))}")
    arguments.airgap = arguments.airgap.absolute()
    if arguments.quick:
        arguments.runs = min(arguments.runs, 3)
    return arguments


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("AIRGAP_BENCH_CACHE") or Path(home) / "airgap-bench")


def _describe(shape: data.Shape) -> str:
    return f"{shape.images} images, {shape.size / 1e6:.0f} MB, where no other size is named."


def _tell(text: str) -> None:
    sys.stderr.write(f"[{time.strftime('%H:%M:%S')}] {text}\n")


if __name__ == "__main__":
    sys.exit(main())
