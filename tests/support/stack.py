"""What the transports of the registry client are tested with, each alone: a host that is played."""

from collections.abc import Callable, Iterable

import httpx

from airgap.progress import Silent
from airgap.registry import message

Play = Callable[[httpx.Request], httpx.Response]


class Played(httpx.BaseTransport):
    """Answers by a function; unlike `httpx.MockTransport` it reads no body, of either side.

    Attributes:
        asked: method and URL of each request, in order.
        sent: the headers of each.
    """

    def __init__(self, play: Play) -> None:
        self._play = play
        self.asked: list[tuple[str, str]] = []
        self.sent: list[dict[str, str]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((request.method, str(request.url)))
        self.sent.append(dict(request.headers))
        said = self._play(request)
        return httpx.Response(
            said.status_code,
            headers=said.headers,
            stream=httpx.ByteStream(said.content),
            extensions=said.extensions,
            request=request,
        )

    def __len__(self) -> int:
        return len(self.asked)


def in_turn(*answers: int | httpx.Response | Exception) -> Play:
    """Give one answer after the other, the last one for ever."""
    left = list(answers)

    def play(_: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer) if isinstance(answer, int) else answer

    return play


def ask(
    way: httpx.BaseTransport,
    url: str = "https://r.example/v2/a/manifests/1",
    method: str = "GET",
    **more: object,
) -> httpx.Response:
    request = message.request(method, httpx.URL(url), {}, **more)  # type: ignore[arg-type]
    return way.handle_request(request)


class Heard(Silent):
    """Keeps what it is told.

    Attributes:
        details, warnings: what was said, in order.
    """

    def __init__(self) -> None:
        self.details: list[str] = []
        self.warnings: list[str] = []

    def detail(self, message: str) -> None:
        self.details.append(message)

    def warn(self, message: str) -> None:
        self.warnings.append(message)


def addresses(**known: Iterable[str]) -> Callable[[str], Iterable[str]]:
    """Look names up in ``known``, where ``_`` stands for a dot."""
    found = {name.replace("_", "."): tuple(value) for name, value in known.items()}
    return lambda host: found.get(host, ())
