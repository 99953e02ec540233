import pytest

from airgap.cli import app


def test_topics_are_listed_and_read(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["help"]) == 0
    assert "- unpack: " in capsys.readouterr().out
    assert app.run(["help", "exit-codes"]) == 0
    assert capsys.readouterr().out.startswith("Exit codes\n==========\n")


def test_a_topic_that_is_not_there_names_what_is_near(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["help", "exit"]) == 2
    assert "there is exit-codes" in capsys.readouterr().err
    assert app.run(["help", "unpack", "pack"]) == 2


def test_errors_are_found_by_their_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert app.run(["help", "errors", "kind is not on PATH"]) == 0
    out = capsys.readouterr().out
    assert "--kind FILE" in out
    assert app.run(["help", "errors", "zebra", "quagga", "okapi"]) == 2
