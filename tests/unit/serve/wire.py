"""A client of raw bytes: what a server answers to exactly these, and whether it hangs up."""

import json
import socket
from dataclasses import dataclass
from typing import Any, BinaryIO


@dataclass(frozen=True, slots=True)
class Got:
    """An answer: the names of its fields are in lower case."""

    status: int
    fields: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        """The code of the specification's error that it is."""
        errors = json.loads(self.body)["errors"]
        assert [sorted(e) for e in errors] == [["code", "detail", "message"]]
        found: str = errors[0]["code"]
        return found

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """One connection; a context manager."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        self.socket = socket.create_connection((host, port), timeout=20)
        self.file: BinaryIO = self.socket.makefile("rb")

    def __enter__(self) -> "Wire":
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        self.socket.close()

    def send(self, *lines: str, body: bytes = b"") -> None:
        self.socket.sendall(("".join(f"{line}\r\n" for line in (*lines, ""))).encode() + body)

    def ask(self, path: str, method: str = "GET", **fields: str) -> Got:
        """Send a request; ``if_range`` stands for the field If-Range."""
        more = [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self.send(f"{method} {path} HTTP/1.1", "Host: x", *more)
        return self.read(method)

    def read(self, method: str = "GET") -> Got:
        """Read an answer, to its last byte and no further."""
        line = self.file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        fields: dict[str, str] = {}
        while (field := self.file.readline()) != b"\r\n":
            name, colon, value = field.decode("latin-1").partition(": ")
            assert colon, field
            assert value.endswith("\r\n"), field
            assert name.lower() not in fields, field
            fields[name.lower()] = value[:-2]
        status = int(line.split()[1])
        bare = method == "HEAD" or status == 304
        body = b"" if bare else self.file.read(int(fields["content-length"]))
        assert bare or len(body) == int(fields["content-length"])
        return Got(status, fields, body)

    def ends(self) -> bool:
        """Tell whether the server has hung up, with no further byte and no reset."""
        return self.file.read(1) == b""
