"""What every test starts from."""

import gc
import os
import shutil
import signal

import pytest

# A shell's background job, and nohup, ignore these signals, and every child would do so too.
for _number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(_number) == signal.SIG_IGN:
        _back = signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL
        signal.signal(_number, _back)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for mark in item.iter_markers("needs"):
        (need,) = mark.args
        if not (os.geteuid() == 0 if need == "root" else shutil.which(need)):
            pytest.skip(f"needs {need}")
gc.set_threshold(50_000, 50, 100)
