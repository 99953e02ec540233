"""A pack that is killed while a layer comes in pieces goes on inside each of them."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

from airgap.progress import Silent
from tests.support.images import Stock
from tests.support.killed import held, run
from tests.support.registry import MemoryRegistry

MIB = 1 << 20
SIZE, TIMES = int(os.environ.get("AIRGAP_TEST_LAYER_MIB", "96")) * MIB, 100
REPO = Path(__file__).parents[2]
UNDER_WAY = 8 * MIB + 16 * (256 << 10)
"""What may come twice: what was not noted yet, and what each connection was just writing."""


def test_killed_at_100_moments_it_goes_on_inside_every_piece(tmp_path: Path) -> None:
    with MemoryRegistry() as registry:
        stock = Stock(registry, "org/big")
        stock.image(random.Random(6).randbytes(SIZE), b"small", name="1")
        reference, bundle = f"{registry.address}/org/big:1", tmp_path / "b.tar"
        lines = subprocess.run(
            [sys.executable, "-m", "tests.support.killed", reference, bundle, str(TIMES), "7"],
            cwd=REPO, env=os.environ | {"PYTHONPATH": str(REPO)},
            stdout=subprocess.PIPE, text=True, check=True,
        ).stdout.splitlines()  # fmt: skip
        left = sum(end - start for ranges in held(bundle) for start, end in ranges)
        last = run(reference, bundle, Silent())
        whole = run(reference, tmp_path / "whole.tar", Silent())

    runs = [json.loads(line) for line in lines]
    assert len(runs) == TIMES
    for found in runs:
        there = sum(end - start for ranges in found["held"] for start, end in ranges)
        assert found["done"] or there >= found["came"] - UNDER_WAY
    in_pieces = [f for f in runs if any(len(ranges) > 1 for ranges in f["held"])]
    assert len(in_pieces) > TIMES / 10, "or it was never killed amid pieces"
    assert last.fetched <= whole.fetched - left
    assert bundle.read_bytes() == whole.path.read_bytes()
