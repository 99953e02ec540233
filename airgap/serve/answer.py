"""Answer: what goes back to a client, as a value; the specification's errors are answers too.

Follows RFC 9110 and 9112 for the head, and the OCI distribution specification 1.1 ("Error
Codes") for the body of an error.
"""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus

from airgap.oci.descriptor import Descriptor
from airgap.oci.digest import Digest

JSON = "application/json"
_LINES = {s.value: f"HTTP/1.1 {s.value} {s.phrase}\r\n" for s in HTTPStatus}
_EVERY = "Server: airgap\r\nDocker-Distribution-Api-Version: registry/2.0\r\n"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes of a blob: ``length`` of them, from ``start`` on."""

    blob: Descriptor
    start: int
    length: int

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the blob, so that its digest can be proved."""
        return self.length == self.blob.size


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, header fields, and what follows them.

    Attributes:
        close: whether the connection ends with it.
    """

    status: int
    fields: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Part = b""
    close: bool = False

    @property
    def length(self) -> int:
        """Bytes of the body."""
        return self.body.length if isinstance(self.body, Part) else len(self.body)

    def head(self, connection: str = "") -> bytes:
        """Write the head; ``connection`` is the value of that field, empty for none."""
        more = dict(self.fields)
        if self.status != HTTPStatus.NOT_MODIFIED:
            more["Content-Length"] = str(self.length)
        if connection:
            more["Connection"] = connection
        lines = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        date = f"Date: {_date(int(time.time()))}\r\n"
        return f"{_LINES[self.status]}{_EVERY}{date}{lines}\r\n".encode("latin-1")


class Refusal(Exception):  # noqa: N818  (an answer, not a fault)
    """A request that gets an error of the specification for an answer.

    Attributes:
        answer: that answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: Mapping[str, str] | None = None,
        *,
        close: bool = False,
    ) -> None:
        super().__init__(message)
        error = {"code": code, "message": message, "detail": None}
        self.answer = json_answer({"errors": [error]}, status, fields, close=close)


def json_answer(
    value: object,
    status: int = HTTPStatus.OK,
    fields: Mapping[str, str] | None = None,
    *,
    close: bool = False,
) -> Answer:
    """Answer with JSON; ``fields`` may give it another content type."""
    return Answer(
        status, {"Content-Type": JSON, **(fields or {})}, json.dumps(value).encode(), close
    )


def content_fields(media_type: str, digest: Digest) -> dict[str, str]:
    """Return the fields of an answer that is content: its type, its digest, and its tag."""
    return {
        "Content-Type": media_type,
        "Docker-Content-Digest": str(digest),
        "ETag": f'"{digest}"',
    }


@lru_cache(maxsize=1)
def _date(seconds: int) -> str:
    """Write a time as RFC 9110 has it, whatever the locale."""
    t = time.gmtime(seconds)
    day, month = _DAYS[t.tm_wday], _MONTHS[t.tm_mon - 1]
    clock = f"{t.tm_hour:02}:{t.tm_min:02}:{t.tm_sec:02}"
    return f"{day}, {t.tm_mday:02} {month} {t.tm_year} {clock} GMT"
