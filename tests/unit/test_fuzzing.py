"""scripts/fuzz with few inputs: each of its readers gives a value or an error of its own."""

import random
from pathlib import Path

from airgap.errors import AirgapError
from tests.support.fuzzing import Target, mutated, targets

INPUTS = 30


def feed(name: str, target: Target) -> int:
    """Return how many inputs were refused."""
    rng, refused, longest = random.Random(name), 0, 0
    for _ in range(INPUTS):
        data = mutated(rng.choice(target.seeds), rng)
        try:
            target.read(data)
        except AirgapError as error:
            refused += 1
            longest = max(longest, error.message.count("\n") + 1)
    assert longest <= target.lines, name
    return refused


def test_every_reader_takes_what_is_good(tmp_path: Path) -> None:
    with targets(tmp_path) as found:
        for name in ("reference", "table", "bundle", "manifest", "index walk", "layout", "served"):
            for seed in found[name].seeds:
                found[name].read(seed)


def test_every_reader_refuses_in_its_own_words(tmp_path: Path) -> None:
    with targets(tmp_path) as found:
        refused = {name: feed(name, target) for name, target in found.items()}
    assert refused["bundle"] == INPUTS
    never = {"challenge", "error body", "journal", "served"}
    assert all(count for name, count in refused.items() if name not in never), refused
