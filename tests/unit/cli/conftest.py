"""Commands run in a folder of their own, and what they print as JSON is held against its schema."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
import pytest

from airgap.cli import results
from tests.support import schema

_write = results.write_json


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _described(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_json(value: Mapping[str, Any]) -> None:
        context = click.get_current_context(silent=True)
        told = {"version": results.JSON_VERSION, **value}
        name = schema.of((context and context.info_name) or "failure", told)
        assert schema.wrong(told, name) == []
        _write(value)

    monkeypatch.setattr(results, "write_json", write_json)
