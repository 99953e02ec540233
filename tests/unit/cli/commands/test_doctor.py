"""airgap doctor, as it is typed."""

import pytest

from airgap.unpack import doctor
from tests.unit.cli.commands.conftest import Ran, told
from tests.unit.unpack.bundles import Run


def test_doctor_says_what_would_stop_unpack(
    host: Run, typed: Ran, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready = doctor.Examination({"host": "Debian"}, [])
    monkeypatch.setattr(doctor, "examine", lambda *_: ready)
    assert typed("doctor", "--bundle", host.path)[:2] == (
        0, "host       Debian\nready      nothing stands in the way\n",
    )  # fmt: skip
    assert told(typed("doctor", "--json"))["ready"]
    assert typed("doctor", "-q")[1:] == ("", "")
    found = [doctor.Finding("no room", "free some", fatal=True), doctor.Finding("swap", "-", False)]
    monkeypatch.setattr(doctor, "examine", lambda *_: doctor.Examination({}, found))
    code, out, err = typed("doctor")
    assert code == 6
    assert out.splitlines()[:2] == ["stops      no room", "           -> free some"]
    assert "mind       swap" in out
    assert "1 of what is said above" in err
