import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from airgap.errors import AirgapError, ClusterError, NetworkError, TrustError
from airgap.registry.attempts import Rules
from airgap.registry.errors import FailedError, FullError
from airgap.registry.retry import Retry, is_bad_certificate
from airgap.transfer.stop import Stop, Stopped
from tests.support.clock import FakeClock
from tests.support.stack import Heard, Play, Played, ask, in_turn

SILENT = httpx.ConnectError("refused")


class Bench:
    """A Retry with all that it needs; ``play`` is the host."""

    def __init__(self, play: Play, most: int = 6, max_wait: float = 600) -> None:
        self.clock, self.heard, self.complaints = FakeClock(), Heard(), 0
        self.stop = Stop(self.clock)
        self.below = Played(play)
        self.why: AirgapError | None = None
        self.asked_why = 0
        self.rules = Rules(
            most, max_wait, self.stop, self.heard, self._complained, self._why_silent
        )
        self.way = Retry(self.below, "r.example", self.rules, lambda _: True)

    def _complained(self) -> None:
        self.complaints += 1

    def _why_silent(self) -> AirgapError | None:
        self.asked_why += 1
        return self.why

    def fails(self, **more: object) -> NetworkError:
        with pytest.raises(NetworkError) as caught:
            ask(self.way, **more)  # type: ignore[arg-type]
        return caught.value


@pytest.mark.parametrize("failure", [408, 425, 429, 499, 500, 502, 503, 504, 522, SILENT])
def test_what_passes_is_tried_again(failure: int | Exception) -> None:
    bench = Bench(in_turn(failure, failure, 200))
    assert ask(bench.way).status_code == 200
    assert len(bench.below) == 3
    assert [0.5 <= bench.clock.waits[0] <= 1, 1 <= bench.clock.waits[1] <= 2] == [True, True]
    assert (bench.complaints, len(bench.heard.details)) == (2, 2)
    assert "try 2 of 6" in bench.heard.details[0]


def test_after_two_tries_that_nobody_answered_it_is_asked_why() -> None:
    bench = Bench(in_turn(*[SILENT] * 9))
    bench.why = ClusterError("the node does not run any more")
    with pytest.raises(ClusterError, match="the node does not run any more"):
        ask(bench.way)
    assert (len(bench.below), len(bench.clock.waits), bench.asked_why) == (2, 1, 1)
    bench.why = None
    bench.fails()
    assert (len(bench.below), bench.asked_why) == (8, 2), "all its tries, where nobody knows"


def test_who_answers_in_between_is_not_silent() -> None:
    bench = Bench(in_turn(SILENT, 503, SILENT, 503, 200))
    bench.why = ClusterError("it is gone")
    assert ask(bench.way).status_code == 200
    assert bench.asked_why == 0


@pytest.mark.parametrize("status", [200, 202, 307, 400, 401, 403, 404, 405, 413, 416, 501, 505])
def test_what_does_not_pass_is_handed_on_unread(status: int) -> None:
    bench = Bench(in_turn(status))
    assert ask(bench.way).status_code == status
    assert (len(bench.below), bench.clock.waits) == (1, [])


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_is_expected_is_an_answer(status: int) -> None:
    bench = Bench(in_turn(status))
    assert ask(bench.way, expect=(202, status)).status_code == status
    assert (len(bench.below), bench.clock.waits) == (1, [])


def test_a_body_is_sent_again_from_its_beginning() -> None:
    got: list[bytes] = []

    def play(request: httpx.Request) -> httpx.Response:
        got.append(b"".join(request.stream))  # type: ignore[arg-type]
        return httpx.Response(503 if len(got) < 3 else 201)

    bench = Bench(play)
    assert ask(bench.way, method="PUT", content=lambda: iter([b"ab", b"c"])).status_code == 201
    assert got == [b"abc"] * 3


def test_tries_are_bounded_and_the_last_words_are_told() -> None:
    bench = Bench(in_turn(httpx.Response(503, json={"errors": [{"code": "DOWN"}]})))
    error = bench.fails()
    assert isinstance(error, FailedError)
    assert error.message == "r.example answered 503 (DOWN) to GET"
    assert (error.refusal.status, error.refusal.repository) == (503, "a")
    assert len(bench.below) == 6
    assert sum(bench.clock.waits) <= 31


def test_who_did_not_answer_is_named() -> None:
    bench = Bench(in_turn(SILENT), most=1)
    assert bench.fails().message == "r.example: no answer (refused)"

    def storage(request: httpx.Request) -> httpx.Response:
        sent = httpx.Request("GET", "https://cdn.example:8443/x", extensions={"party": "storage"})
        raise httpx.ReadTimeout("no answer", request=sent)

    told = Bench(storage, most=1).fails().message
    assert told == "cdn.example:8443 (the storage of r.example): no answer (no answer)"


def test_a_full_registry_is_asked_once() -> None:
    for status, body in ((507, b""), (500, b'{"errors":[{"detail":{"Err":28}}]}')):
        bench = Bench(in_turn(httpx.Response(status, content=body)))
        with pytest.raises(FullError):
            ask(bench.way, method="PUT")
        assert len(bench.below) == 1


def test_a_bad_certificate_is_not_tried_again() -> None:
    error = httpx.ConnectError("x")
    error.__cause__ = ssl.SSLCertVerificationError("expired")
    bench = Bench(in_turn(error))
    with pytest.raises(TrustError, match="certificate is not valid") as caught:
        ask(bench.way)
    assert "--ca FILE" in caught.value.hint
    assert (len(bench.below), bench.clock.waits) == (1, [])
    assert not is_bad_certificate(ssl.SSLError("tlsv1 alert internal error"))


class TestRetryAfter:
    def waits(self, value: str, **more: float) -> Bench:
        later = httpx.Response(429, headers={"Retry-After": value})
        return Bench(in_turn(later, 200), **more)  # type: ignore[arg-type]

    def test_seconds(self) -> None:
        bench = self.waits("13")
        ask(bench.way)
        assert bench.clock.waits == [13]
        assert "try 2 of 6 in 13.0 s" in bench.heard.warnings[0], "a long wait is told to everybody"

    def test_a_date(self) -> None:
        moment = datetime.now(UTC) + timedelta(seconds=30)
        bench = self.waits(format_datetime(moment, usegmt=True))
        ask(bench.way)
        assert 20 < bench.clock.waits[0] <= 30

    @pytest.mark.parametrize("value", ["-5", "soon", "1e9", "", "9" * 20])
    def test_nonsense_falls_back_to_the_usual_wait(self, value: str) -> None:
        bench = self.waits(value)
        ask(bench.way)
        assert 0.5 <= bench.clock.waits[0] <= 1

    def test_too_long_is_refused_with_a_hint(self) -> None:
        bench = self.waits("86400")
        error = bench.fails()
        assert error.message.endswith("and asks to wait 86400 s")
        assert "--max-wait 86400" in error.hint
        assert isinstance(error, FailedError)
        assert bench.clock.waits == []

    def test_waits_are_bounded_together(self) -> None:
        later = httpx.Response(429, headers={"Retry-After": "40"})
        bench = Bench(in_turn(later), max_wait=100)
        bench.fails()
        assert bench.clock.waits == [40, 40]

    def test_one_that_must_wait_long_is_no_sick_host(self) -> None:
        bench = self.waits("86400")
        bench.fails()
        assert not bench.rules.health.is_sick


def test_tries_that_several_requests_share_are_counted_together() -> None:
    bench = Bench(in_turn(503, 503, 202, 503, 503, 202, 503, 503))
    attempts = bench.rules.attempts()
    ask(bench.way, method="POST", attempts=attempts)
    ask(bench.way, method="POST", attempts=attempts)
    bench.fails(method="POST", attempts=attempts)
    assert len(bench.below) == 8, "six failures"


def test_progress_begins_the_count_anew() -> None:
    bench = Bench(in_turn(503))
    attempts = bench.rules.attempts(2)
    attempts.failed(NetworkError("x"))
    attempts.progressed()
    attempts.failed(NetworkError("x"))
    with pytest.raises(NetworkError, match="x"):
        attempts.failed(NetworkError("x"))


@pytest.mark.parametrize("failure", [500, 503, 429, httpx.ReadTimeout("no answer")])
def test_a_sick_host_costs_the_tries_of_one_request(failure: int | Exception) -> None:
    """Whatever the number of images: the others are told within one try, and nobody waits."""
    bench = Bench(in_turn(failure))
    bench.fails()
    waited = sum(bench.clock.waits)
    for n in range(1000):
        bench.fails(url=f"https://r.example/v2/a{n}/manifests/1")
    assert sum(bench.clock.waits) == waited <= 31
    assert len(bench.below) == (7 if isinstance(failure, Exception) else 1006)


def test_a_host_that_was_silent_is_asked_again_after_a_while() -> None:
    bench = Bench(in_turn(*[SILENT] * 8, 200))
    bench.fails()
    bench.fails()
    bench.fails()
    assert len(bench.below) == 7, "one asks at the door for all"
    assert bench.below.asked[-1] == ("GET", "https://r.example/v2/")
    bench.stop.wait(15)
    bench.fails()
    assert len(bench.below) == 8
    bench.stop.wait(15)
    assert ask(bench.way).status_code == 200
    assert not bench.rules.health.is_sick


@pytest.mark.parametrize("door", [200, 401, 404, 500])
def test_a_repository_that_is_silent_makes_no_silent_host(door: int) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if "bad" in request.url.path:
            raise httpx.ReadError("reset")
        return httpx.Response(door if request.url.path == "/v2/" else 200)

    bench = Bench(play)
    bench.fails(url="https://r.example/v2/bad/manifests/1")
    assert ask(bench.way).status_code == 200
    assert ask(bench.way).status_code == 200
    assert len(bench.below) == 6 + 1 + 2


@pytest.mark.parametrize("good", [200, 404, 401, 405, 307])
def test_a_repository_that_fails_makes_no_sick_host(good: int) -> None:
    """Any answer to another request meanwhile tells that the host is well."""

    def play(request: httpx.Request) -> httpx.Response:
        if "bad" in request.url.path:
            if len(bench.below) == 2:
                bench.below.asked.append(("", ""))  # only once
                ask(bench.way, "https://r.example/v2/good/manifests/1")
            return httpx.Response(500)
        return httpx.Response(good)

    bench = Bench(play)
    bench.fails(url="https://r.example/v2/bad/manifests/1")
    assert not bench.rules.health.is_sick


def test_a_sick_host_that_answers_again_has_its_tries_again() -> None:
    bench = Bench(in_turn(*[500] * 6, 200, 500, 500, 200))
    bench.fails()
    assert ask(bench.way).status_code == 200
    assert ask(bench.way).status_code == 200
    assert len(bench.below) == 10


def test_one_failure_of_a_request_with_one_try_makes_no_sick_host() -> None:
    bench = Bench(in_turn(500, 500, 200))
    bench.fails(attempts=bench.rules.attempts(1))
    assert ask(bench.way).status_code == 200


@pytest.fixture
def stopped() -> Bench:
    def play(_: httpx.Request) -> httpx.Response:
        bench.stop.set()
        raise httpx.ReadError("the run ends")

    bench = Bench(play)
    return bench


def test_what_breaks_because_the_run_ends_is_not_told(stopped: Bench) -> None:
    with pytest.raises(Stopped):
        ask(stopped.way)
    assert (stopped.heard.details, stopped.clock.waits) == ([], [])
    with pytest.raises(Stopped):
        ask(stopped.way)
    assert len(stopped.below) == 1


@pytest.mark.parametrize(
    ("later", "seconds"),
    [
        (httpx.Response(429, headers={"Retry-After": "40"}), [40.0]),
        (httpx.Response(503, headers={"Retry-After": "40"}), [40.0]),
        (429, None),
        (503, []),
    ],
)
def test_what_one_is_told_holds_for_all(
    later: httpx.Response | int, seconds: list[float] | None
) -> None:
    """Two threads in turn: the second begins while the first waits, and is held as long."""
    bench = Bench(in_turn(later, 200, 200))
    waits = bench.clock.waits
    told = bench.rules.attempts()
    held = bench.rules.attempts()
    bench.clock.wait = lambda *_: True  # type: ignore[method-assign]
    with pytest.raises(Stopped):  # the first is still waiting
        ask(bench.way, attempts=told)
    del bench.clock.wait  # type: ignore[method-assign]
    assert ask(bench.way, attempts=held).status_code == 200
    if seconds is None:
        assert len(waits) == 1
        assert 0.5 <= waits[0] <= 1
    else:
        assert waits == seconds


def test_a_pause_counts_as_waiting_and_ends_with_the_run() -> None:
    bench = Bench(in_turn(httpx.Response(429, headers={"Retry-After": "40"})), max_wait=100)
    bench.rules.pause(70)
    assert "asks to wait 40 s" in bench.fails().message
    assert bench.clock.waits == [70]
    bench.rules.pause(70)
    bench.stop.set()
    with pytest.raises(Stopped):
        ask(bench.way)
    assert bench.clock.waits == [70]
