"""What every test starts from."""

import gc
import os
import shutil
import signal
from collections.abc import Mapping
from typing import Any

import click
import pytest

from airgap.cli import results
from tests.support import schema

# A shell's background job, and nohup, ignore these signals, and every child would do so too.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        _back = signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL
        signal.signal(_number, _back)

gc.set_threshold(50_000, 50, 100)  # tests make much, and little of it in circles


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name a case of much data by its place: every worker must find the same names.

    Data may be random or hold the time, as gzip's head does.
    """
    return argname if isinstance(val, bytes) and len(val) > 16 else None


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        (need,) = mark.args
        if not (os.geteuid() == 0 if need == "root" else shutil.which(need)):
            pytest.skip(f"needs {need}")


@pytest.fixture(autouse=True)
def _outputs_keep_their_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold every result that any test lets airgap print as JSON against its schema."""
    write = results.write_json

    def checked(value: Mapping[str, Any]) -> None:
        context = click.get_current_context(silent=True)
        whole = {"version": results.JSON_VERSION, **value}
        name = schema.of(context.info_name or "", whole) if context else "failure"
        assert schema.wrong(whole, name) == []
        write(value)

    monkeypatch.setattr(results, "write_json", checked)
