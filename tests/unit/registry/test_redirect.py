import httpx
import pytest

from airgap.errors import NetworkError, TrustError
from airgap.registry import message
from airgap.registry.places import Places
from airgap.registry.redirect import Redirect
from tests.support.stack import Play, Played, addresses, ask

HERE = "https://r.example/v2/a/blobs/1"
PUBLIC = addresses(r_example=["93.184.216.34"], cdn_example=["93.184.216.40"])


def redirect(play: Play) -> tuple[Redirect, Played]:
    below = Played(play)
    return Redirect(below, "r.example", Places(PUBLIC)), below


def leading(**to: str) -> Play:
    """Redirect by path: ``a="https://…"`` leads from ``/a``; all else is an answer."""

    def play(request: httpx.Request) -> httpx.Response:
        target = to.get(request.url.path.rpartition("/")[2] or "root")
        return httpx.Response(307, headers={"Location": target}) if target else httpx.Response(200)

    return play


def authorised(way: Redirect, url: str = HERE, method: str = "GET", **more: object):  # type: ignore[no-untyped-def]
    sent = message.request(method, httpx.URL(url), {"Authorization": "Bearer x", "Cookie": "a"})
    sent.extensions.update(more)
    return way.handle_request(sent)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_reads_is_followed(status: int, method: str) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.host == "r.example":
            return httpx.Response(status, headers={"Location": "https://cdn.example/x?sig=1"})
        return httpx.Response(200, content=b"blob")

    way, below = redirect(play)
    response = ask(way, HERE, method)
    assert response.status_code == 200
    assert below.asked == [(method, HERE), (method, "https://cdn.example/x?sig=1")]
    assert below.sent[1]["host"] == "cdn.example"
    assert message.party(response) == "storage"
    assert str(response.request.url) == "https://cdn.example/x?sig=1"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_writes_is_sent_again_within_its_origin_where_the_method_stays(
    method: str, status: int
) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/2"):
            return httpx.Response(201)
        return httpx.Response(status, headers={"Location": "/v2/b/blobs/2"})

    way, below = redirect(play)
    followed = status in (307, 308)
    assert ask(way, HERE, method).status_code == (201 if followed else status)
    assert [asked for asked, _ in below.asked] == [method] * (1 + followed)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_what_writes_goes_to_no_other_origin(method: str) -> None:
    way, below = redirect(leading(**{"1": "https://r.example:8443/v2/b/blobs/2"}))
    assert ask(way, HERE, method).status_code == 307
    assert len(below) == 1


@pytest.mark.parametrize(
    ("target", "kept"),
    [
        ("/v2/b/blobs/2", True),
        ("https://r.example:443/2", True),
        ("https://r.example:8443/2", False),
        ("https://cdn.example/2", False),
        ("//cdn.example/2", False),
    ],
)
def test_credentials_stay_with_their_origin(target: str, kept: bool) -> None:
    way, below = redirect(leading(**{"1": target}))
    assert authorised(way).status_code == 200
    assert ("authorization" in below.sent[1]) is kept
    assert "cookie" not in below.sent[1]


def test_credentials_are_back_with_their_origin() -> None:
    way, below = redirect(leading(**{"1": "https://cdn.example/3", "3": "https://r.example/4"}))
    response = authorised(way)
    assert ["authorization" in sent for sent in below.sent] == [True, False, True]
    assert message.party(response) == "registry"


def test_a_user_in_a_location_makes_no_credentials() -> None:
    way, below = redirect(leading(**{"1": "https://u:p@cdn.example/2"}))
    ask(way, HERE)
    assert below.asked[1] == ("GET", "https://cdn.example/2")
    assert "authorization" not in below.sent[1]


@pytest.mark.parametrize(
    "target",
    [
        "http://cdn.example/x", "file:///etc/passwd", "gopher://x/", "https://127.0.0.1/x",
        "https://169.254.169.254/latest", "https://10.1.2.3/x", "https://localhost/",
        "https://[::1]/",
    ],
)  # fmt: skip
def test_where_nobody_is_led(target: str) -> None:
    way, below = redirect(leading(**{"1": target}))
    with pytest.raises(TrustError, match="redirects from https to") as caught:
        ask(way, HERE)
    assert "administrator" in caught.value.hint
    assert len(below) == 1


def test_nobody_is_led_there_by_storage_either() -> None:
    way, below = redirect(leading(**{"1": "https://cdn.example/3", "3": "https://127.0.0.1/x"}))
    with pytest.raises(TrustError, match=r"cdn\.example redirects from https to https://127"):
        ask(way, HERE)
    assert len(below) == 2


def test_a_loop_ends() -> None:
    way, below = redirect(leading(**{"1": HERE}))
    with pytest.raises(NetworkError, match="redirects more than 10 times"):
        ask(way, HERE)
    assert len(below) == 11


@pytest.mark.parametrize("target", ["https://[::1", "https://x:99999999/", "https://\x00/"])
def test_an_address_that_is_none(target: str) -> None:
    way, _ = redirect(
        lambda _: httpx.Response(307, headers=[(b"Location", target.encode("latin-1"))])
    )
    with pytest.raises((NetworkError, TrustError)):
        ask(way, HERE)


@pytest.mark.parametrize(
    ("method", "status", "target", "followed"),
    [
        ("GET", 308, "/token/", True),
        ("GET", 301, "https://r.example/token/", True),
        ("POST", 308, "/token/", True),
        ("POST", 307, "/token/", True),
        ("POST", 302, "/token/", False),
        ("GET", 308, "https://cdn.example/token", False),
        ("GET", 302, "http://169.254.169.254/", False),
    ],
)
def test_a_token_server_moves_within_its_own_origin_alone(
    method: str, status: int, target: str, followed: bool
) -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/token":
            return httpx.Response(status, headers={"Location": target})
        return httpx.Response(200, content=b"".join(request.stream))  # type: ignore[arg-type]

    way, below = redirect(play)
    sent = httpx.Request(
        method, "https://r.example/token", content=b"form",
        headers={"Authorization": "Basic x"},
        extensions={"stay": True, "party": "token server"},
    )  # fmt: skip
    if followed:
        response = way.handle_request(sent)
        assert (response.status_code, response.read()) == (200, b"form")
        assert below.sent[1]["authorization"] == "Basic x"
        assert message.party(response) == "token server"
    else:
        try:
            assert way.handle_request(sent).status_code == status
        except TrustError:
            assert target.startswith("http:")
        assert len(below) == 1


def test_an_error_names_the_request_that_met_it() -> None:
    def play(request: httpx.Request) -> httpx.Response:
        if request.url.host == "cdn.example":
            raise httpx.ReadTimeout("no answer")
        return httpx.Response(307, headers={"Location": "https://cdn.example/x"})

    way, _ = redirect(play)
    with pytest.raises(httpx.ReadTimeout) as caught:
        ask(way, HERE)
    assert caught.value.request.url.host == "cdn.example"
    assert caught.value.request.extensions["party"] == "storage"
