"""errors: what was answered instead of what was asked for, as one value, and the errors of it.

The body of an error follows the OCI distribution specification 1.1, "Error Codes". Storage says it
in XML (S3, Azure), token servers in JSON of their own (RFC 6749, section 5.2), and what stands in
between in HTML: all of them are read once, here, and every message is made from what was read.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Literal, Self

from airgap.errors import AirgapError, InputError, NetworkError, ResourceError
from airgap.oci import strictjson

Party = Literal["registry", "token server", "storage", "proxy"]

MAX_BODY = 64 << 10
"""Bytes of an error's body that are read."""
AGAIN = "run the same command again: it goes on where it stopped"
_LONGEST = 300
_NO_SPACE = 28  # ENOSPC on Linux: distribution hands its storage's error through
_PASSING = frozenset({408, 425, 429, 499})
_RENEWED = frozenset({400, 401, 403, 410})
"""How storage answers an address that is no longer valid."""
_ROUTE = re.compile(r"/v2/(?P<name>.+?)/(?P<kind>manifests|blobs|tags|referrers)/(?P<rest>[^?]*)")
_XML = re.compile(r"<(Code|Message)>([^<]{0,500})</\1>")
_HTML = re.compile(
    rb"\s*(?:<!--.{0,500}?-->\s*)?<(?:!doctype\s+html|html|head|body)\b", re.I | re.S
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that is not what was asked for.

    Attributes:
        status: of HTTP.
        codes: the specification's words for it, such as ``NAME_UNKNOWN``, in their order.
        message: the first that is said; foreign text, so print `said`.
        detail: the first that is given: any JSON value, None where there is none.
        registry: the registry that was asked, ``HOST[:PORT]``.
        target: whom the request was for, where that is not the registry: storage, a token server.
        answered: who answered, ``HOST[:PORT]``.
        party: what that one is to the registry.
        method: of the request.
        repository: as the request's path names it; empty where it names none.
        reference: the tag or digest there; empty where there is none.
        is_page: a page for browsers came, so a login or a filter may stand in between.
    """

    status: int
    codes: tuple[str, ...] = ()
    message: str = ""
    detail: Any = None
    registry: str = ""
    target: str = ""
    answered: str = ""
    party: Party = "registry"
    method: str = ""
    repository: str = ""
    reference: str = ""
    is_page: bool = False

    @property
    def code(self) -> str:
        """The first code; empty where there is none."""
        return self.codes[0] if self.codes else ""

    @property
    def passes(self) -> bool:
        """Whether a later try may be answered otherwise.

        Storage is asked at an address that the registry makes anew for each try.
        """
        if self.is_full:
            return False
        return passes(self.status) or (self.party == "storage" and self.status in _RENEWED)

    @property
    def is_full(self) -> bool:
        """Whether there is no room for what was sent."""
        detail = json.dumps(self.detail)
        said = f'"Err": {_NO_SPACE}' in detail or "no space left" in f"{self.message} {detail}"
        full = said or self.status == HTTPStatus.INSUFFICIENT_STORAGE
        return full and self.method not in ("GET", "HEAD")

    @property
    def is_denied(self) -> bool:
        """Whether who asked may not."""
        return self.status in (401, 403)

    @property
    def said(self) -> str:
        """What was said, one printable line; empty where nothing was."""
        if self.is_page:
            return "a page for browsers"
        words = self.message or (self.detail if isinstance(self.detail, str) else "")
        return _printable(": ".join(filter(None, (self.code, words))))

    @property
    def who(self) -> str:
        """Who answered."""
        if self.party == "registry":
            return self.registry
        if self.party == "proxy":
            return f"{self.answered} (the proxy on the way to {self.target or self.registry})"
        return f"{self.answered} (the {self.party} of {self.registry})"

    def __str__(self) -> str:
        said = f" ({self.said})" if self.said else ""
        to = f" to {self.method}" if self.method else ""
        return f"{self.who} answered {self.status}{said}{to}"


class RegistryError(AirgapError):
    """A request was answered by something else than what it asked for.

    Attributes:
        refusal: what came.
    """

    def __init__(self, message: str, refusal: Refusal, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.refusal = refusal

    def about(self, what: str) -> Self:
        """Return the same error, which names ``what`` it is about."""
        return type(self)(f"{what}: {self.message}", self.refusal, hint=self.hint)


class RefusedError(RegistryError, InputError):
    """It was refused for good."""


class FailedError(RegistryError, NetworkError):
    """It failed, and a later run may get it."""


class FullError(RegistryError, ResourceError):
    """There is no room for what was sent."""


def passes(status: int) -> bool:
    """Tell whether an HTTP status is one that a later try may not get."""
    return status in _PASSING or (500 <= status < 600 and status not in (501, 505, 507))


def read(
    status: int,
    body: bytes,
    *,
    registry: str,
    target: str = "",
    answered: str = "",
    party: Party = "registry",
    method: str = "",
    path: str = "",
) -> Refusal:
    """Read an answer that is not what was asked for.

    Args:
        status: of HTTP.
        body: what came of its body, whatever that is.
        registry: the registry that was asked.
        target: whom the request was for, where that is another.
        answered: who answered, where that is another.
        party: what that one is to the registry.
        method: of the request.
        path: of the request to the registry.
    """
    errors = list(_errors(body))
    match = _ROUTE.match(path)
    rest = match["rest"] if match else ""
    return Refusal(
        status=status,
        codes=tuple(dict.fromkeys(e.code for e in errors if e.code)),
        message=next((e.message for e in errors if e.message), ""),
        detail=next((e.detail for e in errors if e.detail is not None), None),
        registry=registry,
        target=target or registry,
        answered=answered or registry,
        party=party,
        method=method,
        repository=match["name"] if match else "",
        reference="" if rest.startswith("uploads/") else rest,
        is_page=is_page(body),
    )


def error_of(refusal: Refusal, *, logged_in: bool) -> RegistryError:
    """Return the error that a refusal is.

    Args:
        refusal: what came.
        logged_in: whether credentials for the registry were known.
    """
    if refusal.is_full:
        hint = "make room on the registry's volume, then run the same command again"
        return FullError(f"{refusal.who} has no space left", refusal, hint=hint)
    if refusal.is_denied and refusal.party in ("registry", "token server") and not refusal.is_page:
        return _denied(refusal, logged_in=logged_in)
    if refusal.party == "token server" and refusal.status == 400:
        return RefusedError(str(refusal), refusal, hint=f"docker login {refusal.registry} again")
    kind = FailedError if refusal.passes or refusal.party != "registry" else RefusedError
    return kind(str(refusal), refusal, hint=_hint(refusal))


def is_page(body: bytes) -> bool:
    """Tell whether a body is a page for browsers."""
    return _HTML.match(body[:1024]) is not None


def _denied(refusal: Refusal, *, logged_in: bool) -> RefusedError:
    why = ", ".join(filter(None, (str(refusal.status), refusal.said)))
    login = f"docker login {refusal.registry}"
    if logged_in:
        return RefusedError(
            f"{refusal.who} refuses the credentials of docker's config.json ({why})",
            refusal,
            hint=f"{login}, or ask for access to the repository",
        )
    return RefusedError(
        f"{refusal.who} denies access ({why}), and docker's config.json has no credentials for it",
        refusal,
        hint=f"{login}; or the repository does not exist",
    )


_HINTS = {
    413: "raise the limit of the proxy before the registry for the size of a body",
    414: "raise the limit of the proxy before the registry for the length of an address",
    **dict.fromkeys((301, 302, 303, 307, 308), "name the address that it leads to"),
    415: "the registry takes other media types alone: look which ones at its documentation",
}


def _hint(refusal: Refusal) -> str:
    if refusal.party == "proxy":
        return _proxy_hint(refusal)
    if refusal.is_page and not refusal.passes and refusal.status not in _HINTS:
        return "a login page or a filter stands in between: check the address and the proxy"
    if refusal.party == "storage":
        return f"{AGAIN}; if it stays, look at the storage that {refusal.registry} sends to"
    if refusal.passes or refusal.party == "token server":
        return AGAIN
    return _HINTS.get(refusal.status, "look at the registry's log, or ask its administrator")


def _proxy_hint(refusal: Refusal) -> str:
    around = f"or put {refusal.target.partition(':')[0]} into no_proxy"
    if refusal.status == 407:
        return (
            f"put its user into the variable, https_proxy=http://USER:PASSWORD@HOST:PORT, {around}"
        )
    if refusal.passes:
        return f"look whether it can reach that host, {around}; then run the same command again"
    return f"ask its administrator to let that host through, {around}"


@dataclass(frozen=True, slots=True)
class _Error:
    code: str = ""
    message: str = ""
    detail: Any = None


def _errors(body: bytes) -> list[_Error]:
    """Return what a body says, in whatever form; a page for browsers says nothing."""
    try:
        value = strictjson.loads(body, "")
    except InputError:
        return [_plain(body)]
    listed = value.get("errors") if isinstance(value, dict) else None
    found = listed if isinstance(listed, list) else [value]
    return [_one(each) for each in found[:100] if isinstance(each, Mapping)]


def _one(value: Mapping[str, Any]) -> _Error:
    """Read one error of the specification, or of a token server (RFC 6749, 5.2)."""
    code = value.get("code") or value.get("error")
    words = (value.get(key) for key in ("message", "error_description", "details"))
    message = next((word for word in words if isinstance(word, str) and word), "")
    return _Error(code if isinstance(code, str) else "", message, value.get("detail"))


def _plain(body: bytes) -> _Error:
    if is_page(body):
        return _Error()
    text = body.decode("utf-8", "replace")
    parts = dict(_XML.findall(text))
    if parts:
        return _Error(parts.get("Code", ""), parts.get("Message", ""))
    return _Error(message=text[: 2 * _LONGEST])


def _printable(text: str) -> str:
    return " ".join(ascii(" ".join(text.split()))[1:-1].split())[:_LONGEST]
