"""Whatever a test lets a command print as JSON is held against its schema."""

from collections.abc import Mapping
from typing import Any

import click
import pytest

from airgap.cli import results
from tests.support import schema

_write = results.write_json


@pytest.fixture(autouse=True)
def _described(monkeypatch: pytest.MonkeyPatch) -> None:
    def write_json(value: Mapping[str, Any]) -> None:
        context = click.get_current_context(silent=True)
        told = {"version": results.JSON_VERSION, **value}
        name = schema.of((context and context.info_name) or "failure", told)
        assert schema.wrong(told, name) == []
        _write(value)

    monkeypatch.setattr(results, "write_json", write_json)
