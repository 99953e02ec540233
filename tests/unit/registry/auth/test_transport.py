import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from airgap.errors import InputError, NetworkError, TrustError
from airgap.registry.auth.realms import Realms
from airgap.registry.auth.tokens import Tokens
from airgap.registry.auth.transport import Auth
from airgap.registry.credentials import Credential
from airgap.registry.places import Places
from airgap.registry.redirect import Redirect
from tests.support.clock import FakeClock
from tests.support.stack import Play, Played, addresses, ask

BASE = "https://r.example"
BEARER = {"WWW-Authenticate": f'Bearer realm="{BASE}/token",service="s"'}
BASIC = {"WWW-Authenticate": 'Basic realm="x"'}
ME = Credential("me", "secret")
MINE = "Basic bWU6c2VjcmV0"


def found(credential: Credential | None) -> Callable[[str], Credential | None]:
    return lambda _: credential


class Bench:
    def __init__(self, play: Play, credential: Credential | None = None, **more: object) -> None:
        self.clock, self.below = FakeClock(), Played(play)
        places = Places(addresses())
        redirect = Redirect(self.below, "r.example", places)
        look_up = more.get("look_up") or found(credential)
        realms = Realms("r.example", frozenset(), places)
        self.left = 0
        tokens = Tokens(redirect, look_up, realms, self.clock, self.elsewhere)  # type: ignore[arg-type]
        self.way = Auth(redirect, lambda: httpx.URL(BASE), look_up, tokens)  # type: ignore[arg-type]

    def ask(self, scope: str = "repository:a:pull", **more: object) -> httpx.Response:
        return ask(self.way, f"{BASE}/v2/a/manifests/1", scope=scope, **more)  # type: ignore[arg-type]

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        self.left += 1
        yield

    def count(self, part: str) -> int:
        return sum(part in url for _, url in self.below.asked)


class Registry:
    """One with a token server; ``good`` are the tokens that it takes."""

    def __init__(self, **answer: object) -> None:
        self.answer: dict[str, object] = {"expires_in": 300, **answer}
        self.good: set[str] = set()
        self.given = 0
        self.scopes: list[list[str]] = []
        self.hidden: int | None = None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            self.given += 1
            self.scopes.append(request.url.params.get_list("scope"))
            token = f"t{self.given}"
            self.good.add(token)
            return httpx.Response(200, json={"token": token, **self.answer})
        sent = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if sent in self.good:
            return httpx.Response(200)
        return httpx.Response(401, headers=BEARER)


def test_who_is_not_asked_shows_nothing() -> None:
    bench = Bench(lambda _: httpx.Response(200), ME)
    assert bench.ask().status_code == 200
    assert "authorization" not in bench.below.sent[0]


def test_a_password_is_shown_where_it_is_asked_for_and_from_then_on() -> None:
    def play(request: httpx.Request) -> httpx.Response:
        ok = request.headers.get("Authorization") == MINE
        return httpx.Response(200) if ok else httpx.Response(401, headers=BASIC)

    bench = Bench(play, ME)
    assert [bench.ask().status_code for _ in range(3)] == [200] * 3
    assert len(bench.below) == 4
    other = ask(bench.way, "https://cdn.example/upload", "PUT")
    assert other.status_code == 401
    assert "authorization" not in bench.below.sent[-1], "another origin gets nothing"


@pytest.mark.parametrize("credential", [None, ME])
def test_a_password_that_is_wrong_is_shown_once(credential: Credential | None) -> None:
    bench = Bench(lambda _: httpx.Response(401, headers=BASIC), credential)
    assert bench.ask().status_code == 401
    assert len(bench.below) == (2 if credential else 1)


def test_a_token_serves_its_scope_until_it_ends() -> None:
    registry = Registry()
    bench = Bench(registry)
    for _ in range(3):
        assert bench.ask().status_code == 200
    assert (registry.given, len(bench.below)) == (1, 5)
    bench.ask("repository:b:pull")
    assert registry.given == 2
    bench.clock.wait(threading.Event(), 291)
    bench.ask()
    assert registry.given == 3


@pytest.mark.parametrize("odd", [1, -5, 0, "x", None, 59])
def test_a_token_serves_for_a_minute_at_least(odd: object) -> None:
    registry = Registry(expires_in=odd)
    bench = Bench(registry)
    bench.ask()
    bench.clock.wait(threading.Event(), 49)
    bench.ask()
    assert registry.given == 1


def test_each_resource_is_a_parameter_of_its_own() -> None:
    registry = Registry()
    Bench(registry).ask("repository:a:pull,push repository:b:pull")
    assert registry.scopes == [["repository:a:pull,push", "repository:b:pull"]]


def test_a_token_that_ends_early_is_replaced_once_for_all() -> None:
    """Sixteen threads that meet the same end ask for one new token, not for sixteen."""
    registry = Registry()
    bench = Bench(registry)
    bench.ask()
    registry.good.clear()
    begin = threading.Barrier(16)

    def one() -> None:
        begin.wait()
        assert bench.ask().status_code == 200

    threads = [threading.Thread(target=one) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert registry.given == 2


def test_tokens_of_many_scopes_are_fetched_side_by_side() -> None:
    """Eight token requests are under way at once, or this never ends."""
    together = threading.Barrier(8, timeout=60)
    registry = Registry()

    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            together.wait()
        return registry(request)

    bench = Bench(play)
    answers: list[int] = []
    threads = [
        threading.Thread(
            target=lambda n=n: answers.append(bench.ask(f"repository:a{n}:pull").status_code)
        )
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 8


def test_a_token_that_is_refused_again_is_the_answer() -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": "x"})
        return httpx.Response(401, headers=BEARER)

    bench = Bench(play)
    assert bench.ask().status_code == 401
    assert bench.ask().status_code == 401
    assert bench.count("/token") == 2
    assert bench.count("/v2/") == 4


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_what_a_token_server_answers_is_the_answer(status: int) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(status, headers={"Retry-After": "3"}, content=b"why")
        return httpx.Response(401, headers=BEARER)

    response = Bench(play).ask()
    assert (response.status_code, response.read()) == (status, b"why")
    assert response.request.extensions["party"] == "token server"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"{}", "gave no token"),
        (b'{"token": ""}', "gave no token"),
        (b'{"token": 5}', "gave no token"),
        (b'{"token": "a\\nb"}', "gave no token"),
        (b"[]", "not a JSON object"),
        (b"<x>", "not valid JSON"),
        (b"<html><body>Log in</body></html>", "a page for browsers"),
        (b'{"token": "' + b"x" * (2 << 20) + b'"}', "more than 1 MiB"),
    ],
)
def test_what_is_no_token_is_told_as_the_token_server_s(body: bytes, why: str) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, content=body)
        return httpx.Response(401, headers=BEARER)

    with pytest.raises(NetworkError, match=why) as caught:
        Bench(play).ask()
    assert "r.example (the token server of r.example)" in caught.value.message
    assert caught.value.hint


def test_an_identity_token_is_posted_and_shown_nowhere_else() -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            assert request.method == "POST"
            assert b"refresh_token=canary" in request.read()
            return httpx.Response(200, json={"access_token": "good"})
        ok = request.headers.get("Authorization") == "Bearer good"
        return httpx.Response(200) if ok else httpx.Response(401, headers=BEARER)

    bench = Bench(play, Credential(identity_token="canary"))
    assert bench.ask().status_code == 200
    assert "canary" not in repr(bench.below.sent) + repr(bench.below.asked)


def test_a_token_server_elsewhere_is_asked_as_anybody() -> None:
    elsewhere = {"WWW-Authenticate": 'Bearer realm="https://auth.example/token"'}

    def play(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example":
            return httpx.Response(200, json={"token": "good"})
        ok = request.headers.get("Authorization") == "Bearer good"
        return httpx.Response(200) if ok else httpx.Response(401, headers=elsewhere)

    bench = Bench(play)
    assert bench.ask().status_code == 200
    with pytest.raises(TrustError, match="not its own"):
        Bench(play, ME).ask()


class TestHidden:
    """A registry that lets anybody in challenges at ``/v2/`` alone."""

    def play(self, status: int, door: httpx.Response) -> Play:
        def answer(request: httpx.Request) -> httpx.Response:
            if request.headers.get("Authorization") == MINE:
                return httpx.Response(200)
            return door if request.url.path == "/v2/" else httpx.Response(status)

        return answer

    @pytest.mark.parametrize("status", [401, 403, 404, 405])
    @pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT"])
    def test_the_door_is_asked_once_where_there_is_something_to_show(
        self, status: int, method: str
    ) -> None:
        bench = Bench(self.play(status, httpx.Response(401, headers=BASIC)), ME)
        assert [bench.ask(method=method).status_code for _ in range(3)] == [200] * 3
        assert bench.count("/v2/") == 5

    @pytest.mark.parametrize("status", [401, 403, 404])
    def test_nobody_is_asked_where_there_is_nothing_to_show(self, status: int) -> None:
        bench = Bench(self.play(status, httpx.Response(401, headers=BASIC)))
        assert [bench.ask().status_code for _ in range(3)] == [status] * 3
        assert len(bench.below) == 3

    @pytest.mark.parametrize("door", [200, 401, 404, 503])
    def test_a_door_that_asks_for_nothing_is_asked_once(self, door: int) -> None:
        bench = Bench(self.play(404, httpx.Response(door)), ME)
        assert [bench.ask().status_code for _ in range(3)] == [404] * 3
        assert len(bench.below) == 4

    def test_credentials_that_cannot_be_read_are_nobody_s_business_yet(self) -> None:
        def look_up(_: str) -> Credential | None:
            raise InputError("the helper is not there")

        bench = Bench(self.play(404, httpx.Response(401, headers=BASIC)), look_up=look_up)
        assert bench.ask().status_code == 404

    def test_tokens_as_well(self) -> None:
        registry = Registry()

        def play(request: httpx.Request) -> httpx.Response:
            answer = registry(request)
            hidden = answer.status_code == 401 and request.url.path != "/v2/"
            return httpx.Response(404) if hidden else answer

        bench = Bench(play, ME)
        assert bench.ask().status_code == 200

    def test_what_storage_refuses_asks_for_nothing(self) -> None:
        def play(request: httpx.Request) -> httpx.Response:
            if request.url.host == "cdn.example":
                return httpx.Response(401, headers=BASIC)
            return httpx.Response(307, headers={"Location": "https://cdn.example/x"})

        bench = Bench(play, ME)
        assert bench.ask().status_code == 401
        assert len(bench.below) == 2
        assert all("authorization" not in sent for sent in bench.below.sent)


class Elsewhere(Registry):
    """One that knows its repositories by other names."""

    def __init__(self, *wanted: str) -> None:
        super().__init__()
        self.wanted = " ".join(wanted)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return super().__call__(request)
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        number = int(token.removeprefix("t") or 0)
        if token and set(self.wanted.split()) <= set(self.scopes[number - 1]):
            return httpx.Response(200)
        challenge = f'{BEARER["WWW-Authenticate"]},scope="{self.wanted}"'
        return httpx.Response(401, headers={"WWW-Authenticate": challenge})


class TestScopesOfTheChallenge:
    def test_what_the_registry_wants_besides_is_asked_for(self) -> None:
        bench = Bench(registry := Elsewhere("repository:proxy/a:pull"))
        for _ in range(3):
            assert bench.ask().status_code == 200
        assert registry.scopes == [["repository:a:pull", "repository:proxy/a:pull"]]

    @pytest.mark.parametrize("wanted", ["repository:a:pull", "repository:a:pull,push"])
    def test_what_is_asked_for_already_is_asked_for_once(self, wanted: str) -> None:
        bench = Bench(registry := Elsewhere(wanted))
        registry.wanted = wanted
        own = "repository:a:pull,push"
        bench.ask(own)
        assert registry.scopes[0] == [own]

    def test_a_challenge_without_end_is_not_followed(self) -> None:
        bench = Bench(registry := Elsewhere(*(f"repository:x{n}:pull" for n in range(50))))
        assert bench.ask().status_code == 401
        assert registry.scopes == [["repository:a:pull"]]


@pytest.mark.parametrize(("realm", "left"), [(f"{BASE}/token", 0), ("https://t.example/token", 1)])
def test_no_connection_is_held_while_a_token_server_elsewhere_is_waited_for(
    realm: str, left: int
) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(200, json={"token": "t", "expires_in": 300})
        ok = request.headers.get("Authorization") == "Bearer t"
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'}
        return httpx.Response(200) if ok else httpx.Response(401, headers=challenge)

    bench = Bench(play)
    assert [bench.ask().status_code for _ in range(3)] == [200] * 3
    assert (bench.count("/token"), bench.left) == (1, left)
