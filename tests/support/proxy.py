"""A proxy in front of a real registry, which it lets misbehave by rules."""

import contextlib
import http.client
from collections.abc import Iterator

from tests.support.faults import Fault, Request, Rule
from tests.support.serving import Answer, Server

__all__ = ["Fault", "Proxy", "Request", "Rule", "proxy"]


class Proxy(Server):
    """The proxy; ``target`` is the registry's address."""

    def __init__(self, target: str) -> None:
        self.target = target
        super().__init__(self._relay)

    def _relay(self, request: Request, body: bytes) -> Answer:
        headers = {k: v for k, v in request.headers.items() if k.lower() != "transfer-encoding"}
        with contextlib.closing(http.client.HTTPConnection(self.target, timeout=60)) as way:
            way.request(request.method, request.path, body or None, headers)
            with way.getresponse() as answer:
                content, length = answer.read(), answer.getheader("Content-Length")
            found = {k: v for k, v in answer.getheaders() if k.lower() != "transfer-encoding"}
        return Answer(answer.status, found, content, int(length) if length else None)


@contextlib.contextmanager
def proxy(target: str) -> Iterator[Proxy]:
    """Run a proxy for the time of a block."""
    found = Proxy(target)
    try:
        yield found
    finally:
        found.close()
