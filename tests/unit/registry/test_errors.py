"""What was answered instead, as one value: every form that the field sends, and its error."""

import json

import pytest

from airgap.errors import InputError, NetworkError, ResourceError
from airgap.registry import errors
from airgap.registry.errors import FailedError, FullError, Refusal, RefusedError

PAGE = b"<!DOCTYPE html>\n<html><head><title>Log in</title></head></html>"


def refusal(status: int = 404, body: bytes = b"", **more: str) -> Refusal:
    given = {"registry": "r.example", "method": "GET", "path": "/v2/a/b/manifests/1.2", **more}
    return errors.read(status, body, **given)  # type: ignore[arg-type]


def v2(*found: dict[str, object]) -> bytes:
    return json.dumps({"errors": found}).encode()


def test_the_specification_s_body() -> None:
    body = v2(
        {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown", "detail": {"Digest": "x"}},
        {"code": "MANIFEST_BLOB_UNKNOWN", "message": "another"},
        {"code": "MANIFEST_INVALID"},
    )
    assert refusal(400, body) == Refusal(
        status=400,
        codes=("MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID"),
        message="blob unknown",
        detail={"Digest": "x"},
        registry="r.example",
        target="r.example",
        answered="r.example",
        method="GET",
        repository="a/b",
        reference="1.2",
    )
    assert refusal(400, body).code == "MANIFEST_BLOB_UNKNOWN"
    told = "r.example answered 400 (MANIFEST_BLOB_UNKNOWN: blob unknown) to GET"
    assert str(refusal(400, body)) == told


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", ""),
        (b"later", "later"),
        (b"\xff\xfe\x00 odd\x1b[31m", "\\ufffd\\ufffd\\x00 odd\\x1b[31m"),
        (b'{"errors": []}', ""),
        (b'{"errors": null}', ""),
        (b'{"errors": "x"}', ""),
        (b'{"errors": [1, null, {"code": 5, "message": []}]}', ""),
        (b"[]", ""),
        (b"null", ""),
        (b"[" * 100_000, "[" * 300),
        (b'{"errors": [{"status": 404, "message": "not found"}]}', "not found"),
        (b'{"error": "invalid_grant", "error_description": "gone"}', "invalid_grant: gone"),
        (b'{"details": "incorrect username or password"}', "incorrect username or password"),
        (b'{"message": "no such project"}', "no such project"),
        (b'{"errors": [{"code": "UNKNOWN", "detail": "in words"}]}', "UNKNOWN: in words"),
        (
            b'<?xml version="1.0"?><Error><Code>AccessDenied</Code><Message>Request has expired'
            b"</Message><HostId>x</HostId></Error>",
            "AccessDenied: Request has expired",
        ),
        (PAGE, "a page for browsers"),
        (b"\n <!-- x --><HTML lang=en>", "a page for browsers"),
    ],
)  # fmt: skip
def test_forms_of_bodies(body: bytes, said: str) -> None:
    assert refusal(400, body).said == said


def test_what_is_said_is_one_line_of_bounded_length() -> None:
    said = refusal(400, v2({"code": "X" * 500, "message": "a\r\nb\u2028c" * 500})).said
    assert len(said) <= 300
    assert said.isascii()
    assert said.isprintable()


@pytest.mark.parametrize(
    ("path", "repository", "reference"),
    [
        ("/v2/a/manifests/1", "a", "1"),
        ("/v2/a/b/c/blobs/sha256:00", "a/b/c", "sha256:00"),
        ("/v2/a/blobs/uploads/", "a", ""),
        ("/v2/a/blobs/uploads/7?digest=sha256%3A00", "a", ""),
        ("/v2/a/tags/list", "a", "list"),
        ("/v2/", "", ""),
        ("/token?service=x", "", ""),
    ],
)
def test_what_was_asked_for(path: str, repository: str, reference: str) -> None:
    found = refusal(path=path)
    assert (found.repository, found.reference) == (repository, reference)


@pytest.mark.parametrize(
    "body",
    [
        v2({"code": "UNKNOWN", "detail": "filesystem: write /x: no space left on device"}),
        v2({"code": "UNKNOWN", "message": "write /x: no space left on device"}),
        v2({"code": "UNKNOWN", "detail": {"Enclosed": {"Op": "write", "Err": 28}}}),
    ],
)
@pytest.mark.parametrize("status", [500, 503])
def test_a_full_registry_is_asked_once(status: int, body: bytes) -> None:
    found = refusal(status, body, method="PUT")
    assert not found.passes
    error = errors.error_of(found, logged_in=False)
    assert isinstance(error, FullError)
    assert isinstance(error, ResourceError)
    assert error.exit_code == 6
    assert error.message == "r.example has no space left"


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        *((status, RefusedError, 3) for status in (400, 401, 403, 404, 405, 410, 413, 415, 501)),
        *((status, FailedError, 5) for status in (408, 425, 429, 499, 500, 502, 503, 504, 522)),
        (507, FullError, 6),
    ],
)
def test_whose_fault_a_status_is(status: int, kind: type, code: int) -> None:
    error = errors.error_of(refusal(status, method="PUT"), logged_in=False)
    assert type(error) is kind
    assert error.exit_code == code
    assert str(status) in error.message or status == 507
    assert error.hint
    assert isinstance(error, {3: InputError, 5: NetworkError, 6: ResourceError}[code])


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize(
    ("logged_in", "words"), [(True, "refuses the credentials"), (False, "denies access")]
)
def test_who_may_not_is_told_with_the_registry_s_words(
    status: int, logged_in: bool, words: str
) -> None:
    body = v2({"code": "DENIED", "message": "requested access is denied"})
    error = errors.error_of(refusal(status, body), logged_in=logged_in)
    assert error.message.startswith(f"r.example {words}")
    assert f"({status}, DENIED: requested access is denied)" in error.message
    assert "docker login r.example" in error.hint


def test_a_page_where_a_login_is_asked_for_is_told_as_a_page() -> None:
    error = errors.error_of(refusal(403, PAGE), logged_in=True)
    assert error.message == "r.example answered 403 (a page for browsers) to GET"
    assert "filter" in error.hint


@pytest.mark.parametrize(
    ("status", "passing"),
    [(400, True), (401, True), (403, True), (404, False), (410, True), (503, True), (416, False)],
)
def test_what_storage_answers_is_told_as_storage_s(status: int, passing: bool) -> None:
    found = refusal(status, answered="cdn.example:8443", party="storage")
    assert found.passes is passing
    error = errors.error_of(found, logged_in=True)
    assert isinstance(error, FailedError)
    assert error.message.startswith(
        f"cdn.example:8443 (the storage of r.example) answered {status}"
    )
    assert "docker login" not in error.hint


def test_what_a_token_server_answers_is_told_as_the_token_server_s() -> None:
    told = {
        status: errors.error_of(
            refusal(status, b'{"details": "wrong"}', answered="auth.example", party="token server"),
            logged_in=True,
        )
        for status in (400, 401, 404, 500)
    }
    assert {status: error.exit_code for status, error in told.items()} == {
        400: 3, 401: 3, 404: 5, 500: 5,
    }  # fmt: skip
    for error in told.values():
        assert error.message.startswith("auth.example (the token server of r.example) ")
        assert "wrong" in error.message


def test_an_error_keeps_its_refusal_when_it_says_what_it_is_about() -> None:
    error = errors.error_of(refusal(405), logged_in=False).about("a/b:1.2")
    assert type(error) is RefusedError
    assert error.message == "a/b:1.2: r.example answered 405 to GET"
    assert error.refusal.status == 405


@pytest.mark.parametrize(
    ("status", "hint"),
    [
        (413, "limit of the proxy"),
        (502, "run the same command again"),
        (503, "run the same command again"),
        (404, "login page"),
        (200, "login page"),
        (308, "name the address that it leads to"),
    ],
)
def test_a_page_s_status_says_more_than_that_it_is_a_page(status: int, hint: str) -> None:
    refusal = errors.read(status, b"<html><h1>nginx</h1></html>", registry="r.example")
    assert hint in errors.error_of(refusal, logged_in=False).hint


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("status", "kind"), [(507, RefusedError), (500, FailedError), (400, RefusedError)]
)
def test_who_reads_needs_no_room(method: str, status: int, kind: type) -> None:
    """A cache in between may be full: that is the affair of what was asked for."""
    found = refusal(status, v2({"message": "no space left on device"}), method=method)
    error = errors.error_of(found, logged_in=False)
    assert isinstance(error, kind)
    assert "no space left on device" in error.message


def test_of_very_many_errors_the_first_hundred_count() -> None:
    many = [{"code": f"CODE_{number}"} for number in range(101)]
    codes = refusal(400, v2(*many)).codes
    assert (len(codes), codes[-1]) == (100, "CODE_99")
