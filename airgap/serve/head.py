"""Head: the first line and the fields of a request, read strictly.

Follows RFC 9112, sections 2 to 6. Whatever two readers could understand differently is refused:
folded lines, a space before a colon, control characters, two lengths, two hosts. Nothing that is
served needs the body of a request, so whether one follows is all that is told of it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

from airgap.serve.answer import Refusal

MAX_HEAD = 32 << 10
"""Bytes of the longest head that is read."""
_MAX_LINE = 8 << 10
_MAX_FIELDS = 100
_END = re.compile(rb"\r?\n\r?\n")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t -~\x80-\xff]*")
_TARGET = re.compile(r"""[!"$-~]+""")  # a fragment stays with the client
_VERSION = re.compile(r"HTTP/([0-9])\.([0-9])")
_AUTHORITY = re.compile(
    r"(?:\[[0-9A-Fa-f:.%a-z~_-]+\]|[A-Za-z0-9._~!$&'()*+,;=%-]*)(?::[0-9]{0,5})?"
)
_ABSOLUTE = re.compile(r"https?://([^/?#]*)", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_ONCE = frozenset({"host", "content-length", "transfer-encoding", "content-type", "if-range"})


@dataclass(frozen=True, slots=True)
class Head:
    """What a client asks for.

    Attributes:
        method: as it was sent; it minds upper and lower case.
        path: decoded, without the query.
        query: as it was sent, without the question mark.
        fields: by lower-case name; what stands in several lines is joined by commas.
        version: 0 for HTTP/1.0, 1 for HTTP/1.1.
        length: bytes of the body that follows; None where its end is not known beforehand.
    """

    method: str
    path: str
    query: str
    fields: Mapping[str, str]
    version: int
    length: int | None = 0

    @property
    def keeps(self) -> bool:
        """Whether the client wants to go on with the connection."""
        said = {word.strip().lower() for word in self.fields.get("connection", "").split(",")}
        return "close" not in said and (self.version > 0 or "keep-alive" in said)


def end_of_head(data: bytes | bytearray, since: int = 0) -> int:
    """Return where a head ends in what came so far, 0 where it goes on.

    Args:
        data: what came.
        since: how much of it was looked at before, so that no byte is looked at again and again.

    Raises:
        Refusal: it is too long, or it is no head at all.
    """
    found = _END.search(data, max(0, since - 3))
    end = found.end() if found else 0
    if data and not 32 < data[0] < 127:  # TLS, for one, begins with 22
        raise _bad("this is no HTTP request: this address speaks plain HTTP/1.1")
    if len(data) > _MAX_LINE and data.find(b"\n", 0, _MAX_LINE) < 0:
        raise _long_line()
    if (end or len(data)) > MAX_HEAD:
        raise _refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head is too long")
    return end


def parse(data: bytes) -> Head:
    """Read a head, as far as `end_of_head` says.

    Raises:
        Refusal: it is none, or too long; the connection is of no more use then.
    """
    lines = [line.removesuffix("\r") for line in data.decode("latin-1").rstrip("\r\n").split("\n")]
    method, target, version = _first(lines[0])
    fields = _fields(lines[1:])
    if version and "host" not in fields:
        raise _bad("the Host field is missing")
    if not _AUTHORITY.fullmatch(fields.get("host", "")):
        raise _bad("the Host field is no host")
    path, _, query = _relative(target, method).partition("?")
    return Head(method, unquote(path), query, fields, version, _length(fields))


def _first(line: str) -> tuple[str, str, int]:
    if len(line) > _MAX_LINE:
        raise _long_line()
    words = line.split(" ")
    if len(words) != 3 or not _TOKEN.fullmatch(words[0]) or not _TARGET.fullmatch(words[1]):
        raise _bad("the first line is not that of a request")
    version = _VERSION.fullmatch(words[2])
    if not version:
        raise _bad("the first line names no version of HTTP")
    if version[1] != "1":
        raise _refused(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "this server speaks HTTP/1.1")
    return words[0], words[1], min(int(version[2]), 1)


def _fields(lines: list[str]) -> dict[str, str]:
    if len(lines) > _MAX_FIELDS:
        raise _refused(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "there are too many fields")
    fields: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise _bad("a line of the head is no field")
        name, value = name.lower(), value.strip(" \t")
        if name in fields:
            if name in _ONCE:
                raise _bad(f"the field {name} is there twice")
            value = f"{fields[name]}, {value}"
        fields[name] = value
    return fields


def _relative(target: str, method: str) -> str:
    """Return path and query of a target in any of its four forms (RFC 9112, section 3.2)."""
    if target.startswith("/"):
        return target
    if absolute := _ABSOLUTE.match(target):
        # One without a host has to be refused, and nobody needs a password in it (RFC 9110, 4.2).
        if not _AUTHORITY.fullmatch(absolute[1]) or absolute[1][:1] in ("", ":"):
            raise _bad("what is asked for names no host")
        return target[absolute.end() :] or "/"
    if (target, method) == ("*", "OPTIONS") or method == "CONNECT":
        return ""
    raise _bad("what is asked for begins with a slash")


def _length(fields: Mapping[str, str]) -> int | None:
    if "transfer-encoding" in fields:
        return None
    length = fields.get("content-length", "0")
    if not _LENGTH.fullmatch(length):
        raise _bad("the Content-Length is no number")
    return int(length)


def _bad(message: str) -> Refusal:
    return _refused(HTTPStatus.BAD_REQUEST, message)


def _long_line() -> Refusal:
    return _refused(HTTPStatus.REQUEST_URI_TOO_LONG, "the first line is too long")


def _refused(status: int, message: str) -> Refusal:
    return Refusal(status, "UNSUPPORTED", message, close=True)
