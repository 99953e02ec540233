import json
from pathlib import Path

from airgap.errors import InputError, NetworkError
from airgap.oci.reference import Reference
from airgap.pack.request import Request
from airgap.pack.result import joined
from airgap.spec.spec import Spec
from tests.support.shelf import Shelf, refuse
from tests.unit.pack.conftest import Pack

REQUEST = Request(Spec(()), (), Path("b.tar"))


def test_failures_are_data(shelf: Shelf, packed: Pack) -> None:
    shelf.fault = lambda d, c: refuse(d, c) if c == b"nginx" else c
    told = json.loads(json.dumps(packed("nginx:1", "gone:1").to_json()))
    assert told["bundle"] is None
    assert told["exit_code"] == 5
    assert told["error"].startswith("2 images failed\n")
    assert "run the same command again" in told["hint"]
    assert told["failed"] == [
        {
            "reference": "docker.io/library/gone:1",
            "error": "gone:1 does not exist",
            "hint": "check the name",
            "exit_code": 3,
            "status": None,
            "code": None,
        },
        {
            "reference": "docker.io/library/nginx:1",
            "error": "the registry does not answer",
            "hint": "try again",
            "exit_code": 5,
            "status": None,
            "code": None,
        },
    ]


def test_what_was_packed_is_data(packed: Pack) -> None:
    told = packed("nginx:1", "gone:1", keep_going=True).to_json()
    assert told["bundle"].endswith("b.tar")
    assert [image["reference"] for image in told["images"]] == ["docker.io/library/nginx:1"]
    assert [one["reference"] for one in told["failed"]] == ["docker.io/library/gone:1"]
    assert "error" not in told


def test_many_causes_are_bounded() -> None:
    failed = {
        Reference.parse(f"app{n}:1"): InputError(f"app{n}:1 does not exist") for n in range(300)
    }
    lines = joined(failed, REQUEST).message.split("\n")
    assert lines[0] == "300 images failed"
    assert len(lines) == 22
    assert lines[-1] == "  and 280 more: --json and --failed FILE list all"


def test_a_cause_that_many_share_is_told_once() -> None:
    cause = NetworkError("quay.io: no answer", hint="check the network")
    failed = {Reference.parse(f"quay.io/app{n}:1"): cause for n in range(5)}
    told = joined(failed, REQUEST)
    assert told.message == (
        "quay.io/app0:1, quay.io/app1:1, quay.io/app2:1 and 2 more: quay.io: no answer"
    )
