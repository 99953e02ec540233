"""serve as HTTP wants it, asked over a real socket: one row a question."""

import pytest

from tests.unit.serve.conftest import Site
from tests.unit.serve.wire import Wire

ZERO = "sha256:" + "0" * 64
LINE = "GET /v2/ HTTP/1.1"


def named(site: Site, text: str) -> str:
    """Put digests into a path or field that names them."""
    for name, digest in (
        ("LAYER", site.layer.digest), ("EMPTY", site.empty.digest), ("ROOT", site.root.digest),
        ("ZERO", ZERO), ("SBOM", site.sbom), ("SIG0", site.signatures[0]),
        ("SIG1", site.signatures[1]),
    ):  # fmt: skip
        text = text.replace(name, str(digest))
    return text


# What is asked of a blob of 1,000 bytes, and its first and last byte that come; None: all, as 200.
RANGES = [
    ("bytes=0-0", (0, 0)),
    ("bytes=0-9", (0, 9)),
    ("bytes=5-5", (5, 5)),
    ("bytes=10-19", (10, 19)),
    ("bytes=500-999", (500, 999)),
    ("bytes=500-1000", (500, 999)),
    ("bytes=500-99999999", (500, 999)),
    ("bytes=0-998", (0, 998)),
    ("bytes=1-999", (1, 999)),
    ("bytes=0-999", (0, 999)),
    ("bytes=0-1000", (0, 999)),
    ("bytes=0-", (0, 999)),
    ("bytes=1-", (1, 999)),
    ("bytes=998-", (998, 999)),
    ("bytes=999-", (999, 999)),
    ("bytes=-1", (999, 999)),
    ("bytes=-2", (998, 999)),
    ("bytes=-500", (500, 999)),
    ("bytes=-999", (1, 999)),
    ("bytes=-1000", (0, 999)),
    ("bytes=-1001", (0, 999)),
    ("bytes=-99999999999999999999999999", (0, 999)),
    ("bytes=000-009", (0, 9)),
    ("bytes=0000000000000000000000000001-2", (1, 2)),
    ("bytes=0-99999999999999999999999999", (0, 999)),
    ("bytes=0-9,", (0, 9)),
    ("bytes=,0-9", (0, 9)),
    ("bytes= 0-9", (0, 9)),
    ("bytes=\t0-9\t", (0, 9)),
    ("BYTES=0-9", (0, 9)),
    ("Bytes=-1", (999, 999)),
    ("bytes=0-0,2-3", None),
    ("bytes=0-0, -1", None),
    ("bytes=0-9,0-9", None),
    ("bytes=0-9,2000-", None),
    ("bytes=2000-,0-9", None),
    ("bytes=" + ",".join(f"{n}-{n}" for n in range(500)), None),
    ("bytes=", None),
    ("bytes=-", None),
    ("bytes=,", None),
    ("bytes=a-b", None),
    ("bytes=0-b", None),
    ("bytes=0--9", None),
    ("bytes=--9", None),
    ("bytes=+1-2", None),
    ("bytes=1.0-2", None),
    ("bytes=0x1-0x2", None),
    ("bytes=1 - 2", None),
    ("bytes=1- 2", None),
    ("bytes=1", None),
    ("bytes=1-2-3", None),
    ("bytes=0-9;10-19", None),
    ("bytes 0-9", None),
    ("bytes:0-9", None),
    ("0-9", None),
    ("lines=0-9", None),
    ("items=0-9", None),
    ("none", None),
    ("", None),
    ("bytes=\xb2-\xb3", None),
]
OUTSIDE = [
    "bytes=1000-",
    "bytes=1000-1000",
    "bytes=1000-2000",
    "bytes=99999999999999999999999999-",
    "bytes=9-8",
    "bytes=999-0",
    "bytes=-0",
    "bytes=-000",
    "bytes=1000-,2000-",
    "bytes=-0,1000-",
]


@pytest.mark.parametrize(("asked", "part"), RANGES, ids=lambda v: ascii(v)[:40])
def test_a_range(site: Site, asked: str, part: tuple[int, int] | None) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/blobs/{site.layer.digest}", Range=asked)
    assert got.fields["accept-ranges"] == "bytes"
    assert got.fields["docker-content-digest"] == str(site.layer.digest)
    if part is None:
        assert (got.status, got.body) == (200, site.content)
        assert "content-range" not in got.fields
    else:
        first, last = part
        assert (got.status, got.body) == (206, site.content[first : last + 1])
        assert got.fields["content-range"] == f"bytes {first}-{last}/1000"


@pytest.mark.parametrize("asked", OUTSIDE)
def test_a_range_outside(site: Site, asked: str) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/blobs/{site.layer.digest}", Range=asked)
        assert (got.status, got.code) == (416, "SIZE_INVALID")
        assert got.fields["content-range"] == "bytes */1000"
        assert wire.ask("/v2/").status == 200


@pytest.mark.parametrize(
    ("asked", "status"),
    [("bytes=0-", 416), ("bytes=0-0", 416), ("bytes=1-", 416), ("bytes=-0", 416),
     ("bytes=-1", 200), ("bytes=-9", 200), ("", 200)],
)  # fmt: skip
def test_a_range_of_nothing(site: Site, asked: str, status: int) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/blobs/{site.empty.digest}", Range=asked)
        assert got.status == status
        assert got.fields.get("content-range") == ("bytes */0" if status == 416 else None)
        assert status == 416 or got.body == b""
        assert wire.ask("/v2/").status == 200


CONDITIONS = [
    ({"If_None_Match": '"LAYER"'}, 304),
    ({"If_None_Match": 'W/"LAYER"'}, 304),
    ({"If_None_Match": '"a", "LAYER"'}, 304),
    ({"If_None_Match": '"LAYER","a"'}, 304),
    ({"If_None_Match": ' "a" ,  W/"LAYER"'}, 304),
    ({"If_None_Match": "*"}, 304),
    ({"If_None_Match": '"ZERO"'}, 200),
    ({"If_None_Match": '"a", "b"'}, 200),
    ({"If_None_Match": "LAYER"}, 200),
    ({"If_None_Match": '"LAYER'}, 200),
    ({"If_None_Match": '"'}, 200),
    ({"If_None_Match": ""}, 200),
    ({"If_None_Match": '"LAYER"', "Range": "bytes=0-9"}, 304),
    ({"If_None_Match": '"LAYER"', "Range": "bytes=2000-"}, 304),
    ({"If_None_Match": '"a"', "Range": "bytes=0-9"}, 206),
    ({"If_Match": '"LAYER"'}, 200),
    ({"If_Match": "*"}, 200),
    ({"If_Match": '"a", "LAYER"'}, 200),
    ({"If_Match": 'W/"LAYER"'}, 412),
    ({"If_Match": '"a"'}, 412),
    ({"If_Match": ""}, 412),
    ({"If_Match": '"a"', "If_None_Match": '"LAYER"'}, 412),
    ({"If_Range": '"LAYER"', "Range": "bytes=0-9"}, 206),
    ({"If_Range": '"ZERO"', "Range": "bytes=0-9"}, 200),
    ({"If_Range": 'W/"LAYER"', "Range": "bytes=0-9"}, 200),
    ({"If_Range": "LAYER", "Range": "bytes=0-9"}, 200),
    ({"If_Range": "Sat, 01 Jan 2000 00:00:00 GMT", "Range": "bytes=0-9"}, 200),
    ({"If_Range": '"ZERO"', "Range": "bytes=2000-"}, 200),
    ({"If_Range": '"LAYER"', "Range": "bytes=2000-"}, 416),
    ({"If_Range": '"LAYER"'}, 200),
    ({"If_Modified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
    ({"If_Unmodified_Since": "Sat, 01 Jan 2000 00:00:00 GMT"}, 200),
]


@pytest.mark.parametrize(("fields", "status"), CONDITIONS, ids=str)
def test_a_condition(site: Site, fields: dict[str, str], status: int) -> None:
    fields = {name: named(site, value) for name, value in fields.items()}
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/blobs/{site.layer.digest}", **fields)
        assert got.status == status
        if status == 304:
            assert "content-length" not in got.fields
            assert got.fields["etag"] == f'"{site.layer.digest}"'
        assert wire.ask("/v2/").status == 200


PAGES = [
    ("/v2/", 200, ""),
    ("/v2", 200, ""),
    ("/v2/?x=y", 200, ""),
    ("http://x/v2/", 200, ""),
    ("HTTP://x:5000/v2/_catalog", 200, ""),
    ("https://[::1]:5000/v2/_catalog", 200, ""),
    ("http://x?n=1", 404, "UNSUPPORTED"),
    ("/v2/docker.io%2Flibrary%2Fnginx/tags/list", 200, ""),
    ("/v2/docker.io%252Flibrary%252Fnginx/tags/list", 404, "NAME_INVALID"),
    ("/v2/nginx/manifests/1%2E27", 200, ""),
    ("/v2/nginx/manifests/%zz", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/manifests/%ff", 404, "MANIFEST_UNKNOWN"),
    ("/v2%2F", 200, ""),
    ("/v2/_catalog", 200, ""),
    ("/v2/nginx/tags/list", 200, ""),
    ("/v2/library/nginx/tags/list", 200, ""),
    ("/v2/docker.io/library/nginx/tags/list", 200, ""),
    ("/v2/nginx/manifests/1.27", 200, ""),
    ("/v2/nginx/manifests/1.27?ns=docker.io", 200, ""),
    ("/v2/nginx/manifests/ROOT", 200, ""),
    ("/v2/%6eginx/manifests/1.27", 200, ""),
    ("/v2/nginx/blobs/LAYER", 200, ""),
    ("/v2/nginx/blobs/EMPTY", 200, ""),
    ("/v2/ghcr.io/a/b/c/d/manifests/1", 200, ""),
    ("/v2/a/b/c/d/manifests/1", 200, ""),
    ("/v2/nginx/referrers/ROOT", 200, ""),
    ("/v2/nginx/referrers/ZERO", 200, ""),
    ("/v2/nginx/manifests/2", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/manifests/ZERO", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/manifests/LAYER", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/manifests/...", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/manifests/%2e%2e", 404, "MANIFEST_UNKNOWN"),
    ("/v2/nginx/blobs/ZERO", 404, "BLOB_UNKNOWN"),
    ("/v2/nginx/blobs/ROOT", 404, "BLOB_UNKNOWN"),
    ("/v2/org/app/blobs/LAYER", 404, "BLOB_UNKNOWN"),
    ("/v2/nginx/manifests/sha256:x", 400, "DIGEST_INVALID"),
    ("/v2/nginx/manifests/sha1:" + "0" * 40, 400, "DIGEST_INVALID"),
    ("/v2/nginx/blobs/x", 400, "DIGEST_INVALID"),
    ("/v2/nginx/blobs/sha256:" + "F" * 64, 400, "DIGEST_INVALID"),
    ("/v2/nginx/blobs/sha256:" + "0" * 63, 400, "DIGEST_INVALID"),
    ("/v2/nginx/blobs/sha512:" + "0" * 128, 404, "BLOB_UNKNOWN"),
    ("/v2/nginx/referrers/x", 400, "DIGEST_INVALID"),
    ("/v2/gone/manifests/1", 404, "NAME_UNKNOWN"),
    ("/v2/gone/manifests/ROOT", 404, "NAME_UNKNOWN"),
    ("/v2/gone/blobs/LAYER", 404, "NAME_UNKNOWN"),
    ("/v2/gone/tags/list", 404, "NAME_UNKNOWN"),
    ("/v2/gone/referrers/ROOT", 404, "NAME_UNKNOWN"),
    ("/v2/docker.io/nginx/tags/list", 404, "NAME_UNKNOWN"),
    ("/v2/UPPER/tags/list", 404, "NAME_INVALID"),
    ("/v2/-/tags/list", 404, "NAME_INVALID"),
    ("/v2/_catalog/tags/list", 404, "NAME_INVALID"),
    ("/v2/../../etc/passwd/blobs/x", 404, "NAME_INVALID"),
    ("/v2/%2e%2e/%2e%2e/etc/tags/list", 404, "NAME_INVALID"),
    ("/v2/nginx%00/tags/list", 404, "NAME_INVALID"),
    ("/v2//nginx/tags/list", 404, "NAME_INVALID"),
    ("/v2/nginx/", 404, "UNSUPPORTED"),
    ("/v2/nginx", 404, "UNSUPPORTED"),
    ("/v2/nginx/tags", 404, "UNSUPPORTED"),
    ("/v2/nginx/tags/list/", 404, "UNSUPPORTED"),
    ("/v2/nginx/manifests/", 404, "UNSUPPORTED"),
    ("/v2/nginx/manifests/a/b", 404, "UNSUPPORTED"),
    ("/v2/nginx/_trust/1", 404, "UNSUPPORTED"),
    ("/v2/nginx/_oras/artifacts/referrers", 404, "UNSUPPORTED"),
    ("/v2/_catalog/", 404, "UNSUPPORTED"),
    ("/v2/nginx/%0a/tags/list", 404, "UNSUPPORTED"),
    ("/v2/nginx/blobs/uploads/", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("/v2/nginx/blobs/uploads/1-2-3", 404, "BLOB_UPLOAD_UNKNOWN"),
    ("/", 404, "UNSUPPORTED"),
    ("//v2/", 404, "UNSUPPORTED"),
    ("/v1/_ping", 404, "UNSUPPORTED"),
    ("/v3/", 404, "UNSUPPORTED"),
    ("/index.html", 404, "UNSUPPORTED"),
    ("/token", 404, "UNSUPPORTED"),
    ("/metrics", 404, "UNSUPPORTED"),
    ("http://x", 404, "UNSUPPORTED"),
    ("/v2/" + "a/" * 3000 + "tags/list", 404, "NAME_UNKNOWN"),
    ("/v2/" + "a/" * 3000, 404, "UNSUPPORTED"),
    ("/v2/" + "/manifests" * 700, 404, "NAME_INVALID"),
]


@pytest.mark.parametrize(("path", "status", "code"), PAGES, ids=lambda v: str(v)[:50])
def test_a_page_and_its_head(site: Site, path: str, status: int, code: str) -> None:
    path = named(site, path)
    with Wire(site.port) as wire:
        got = wire.ask(path)
        assert got.status == status
        assert got.fields["docker-distribution-api-version"] == "registry/2.0"
        if code:
            assert got.code == code
        head = wire.ask(path, "HEAD")
        assert head.status == status
        assert head.body == b""
        differ = {"date"}
        assert {k: v for k, v in head.fields.items() if k not in differ} == {
            k: v for k, v in got.fields.items() if k not in differ
        }


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_head_knows_no_ranges(site: Site, method: str) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/blobs/{site.layer.digest}", method, Range="bytes=0-9")
    assert (got.status, got.fields["content-length"]) == (
        (206, "10") if method == "GET" else (200, "1000")
    )


@pytest.mark.parametrize("what", ["tag", "digest"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_manifest(site: Site, method: str, what: str) -> None:
    name = "1.27" if what == "tag" else str(site.root.digest)
    with Wire(site.port) as wire:
        got = wire.ask(f"/v2/nginx/manifests/{name}", method, Range="bytes=0-9")
        assert got.status == 200
        assert got.fields["content-type"] == site.root.media_type
        assert got.fields["docker-content-digest"] == str(site.root.digest)
        assert got.fields["content-length"] == str(site.root.size)
        if method == "GET":
            assert got.body == site.layout.manifest_bytes(site.root.digest)
        again = wire.ask(f"/v2/nginx/manifests/{name}", method, If_None_Match=got.fields["etag"])
        assert again.status == 304
        assert again.fields["docker-content-digest"] == str(site.root.digest)


@pytest.mark.parametrize("path", ["/v2/", "/v2/nginx/manifests/1.27", "/v2/nginx/blobs/uploads/"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"])
def test_nothing_can_be_written(site: Site, method: str, path: str) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(path, method)
        assert (got.status, got.code) == (405, "UNSUPPORTED")
        assert got.fields["allow"] == "GET, HEAD"
        assert wire.ask("/v2/").status == 200  # no body followed, so the connection goes on


@pytest.mark.parametrize(
    ("method", "status"),
    [("get", 501), ("BREW", 501), ("PROPFIND", 501), ("GET2", 501), ("X" * 5000, 501)],
)
def test_a_method_that_nobody_knows(site: Site, method: str, status: int) -> None:
    with Wire(site.port) as wire:
        assert wire.ask("/v2/", method).status == status
        assert wire.ends()


@pytest.mark.parametrize("target", ["*", "x:443"])
def test_a_target_without_a_path(site: Site, target: str) -> None:
    method = "OPTIONS" if target == "*" else "CONNECT"
    with Wire(site.port) as wire:
        assert wire.ask(target, method).status == 405


BODIES = [
    ("PUT", "Content-Length: 5", b"hello", 405),
    ("POST", "Content-Length: 5", b"hello", 405),
    ("PATCH", "Content-Length: 100000", b"x" * 100_000, 405),
    ("PUT", "Content-Length: 5000000000", b"", 405),
    ("PUT", "Transfer-Encoding: chunked", b"5\r\nhello\r\n0\r\n\r\n", 405),
    ("DELETE", "Transfer-Encoding: chunked", b"0\r\n\r\n", 405),
    ("PUT", "Expect: 100-continue\r\nContent-Length: 5", b"", 405),
    ("GET", "Content-Length: 5", b"hello", 400),
    ("HEAD", "Content-Length: 5", b"hello", 400),
    ("GET", "Content-Length: 44", b"GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    ("GET", "Transfer-Encoding: chunked", b"0\r\n\r\n", 400),
    ("GET", "Transfer-Encoding: identity", b"", 400),
    ("GET", "Transfer-Encoding: xchunked", b"", 400),
    ("GET", "Transfer-Encoding: chunked\r\nContent-Length: 5", b"0\r\n\r\n", 400),
    ("GET", "Content-Length: 0\r\nTransfer-Encoding: chunked", b"0\r\n\r\n", 400),
]


@pytest.mark.parametrize(("method", "field", "body", "status"), BODIES)
def test_a_body_is_not_the_next_request(
    site: Site, method: str, field: str, body: bytes, status: int
) -> None:
    with Wire(site.port) as wire:
        wire.send(f"{method} /v2/nginx/blobs/uploads/1 HTTP/1.1", "Host: x", field, body=body)
        got = wire.read(method)
        assert got.status == status
        assert got.fields["connection"] == "close"
        assert wire.ends()


@pytest.mark.parametrize(
    "field",
    ["Content-Length: 0", "Expect: 100-continue", "Upgrade: h2c", "TE: trailers", "Connection: TE"],
)
def test_a_field_that_changes_nothing(site: Site, field: str) -> None:
    with Wire(site.port) as wire:
        for _ in range(2):
            wire.send(LINE, "Host: x", field)
            assert wire.read().status == 200


REFUSED = [
    ("", 400, "GET /v2/"),
    ("", 400, "GET  /v2/ HTTP/1.1"),
    ("", 400, "GET /v2/  HTTP/1.1"),
    ("", 400, "GET\t/v2/\tHTTP/1.1"),
    ("", 400, "GET /v2/ HTTP/1.1 x"),
    ("", 400, "GET /v2/ http/1.1"),
    ("", 400, "GET /v2/ HTTP/11"),
    ("", 400, "GET /v2/ HTTP/1"),
    ("", 400, "GET /v2/ HTTP/1.10"),
    ("", 400, "GET /v2/ HTTPS/1.1"),
    ("", 400, "GET v2/ HTTP/1.1"),
    ("", 400, "GET * HTTP/1.1"),
    ("", 400, "GET ftp://x/v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http:///v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http://:5000/v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http://u@x/v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http://u:p@x/v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http://x:port/v2/ HTTP/1.1"),
    ("Host: x", 400, "GET http://?x HTTP/1.1"),
    ("Host: x", 400, "GET /v2/#x HTTP/1.1"),
    ("Host: x", 400, "GET #x HTTP/1.1"),
    ("", 400, "GET /v2/\x00 HTTP/1.1"),
    ("", 400, "GET /v2/\x7f HTTP/1.1"),
    ("", 400, "GET /v2/é HTTP/1.1"),
    ("", 400, "G(T /v2/ HTTP/1.1"),
    ("", 400, "GÉT /v2/ HTTP/1.1"),
    ("", 505, "GET /v2/ HTTP/2.0"),
    ("", 505, "PRI * HTTP/2.0"),
    ("", 505, "GET /v2/ HTTP/0.9"),
    ("", 505, "GET /v2/ HTTP/3.0"),
    ("", 400, LINE),
    ("Host: x\r\nHost: x", 400, LINE),
    ("Host: x\r\nhost: y", 400, LINE),
    ("Host: x y", 400, LINE),
    ("Host: x/y", 400, LINE),
    ("Host: u@x", 400, LINE),
    ("Host: x, y", 400, LINE),
    ("Host: x:port", 400, LINE),
    ("Host: x:1:2", 400, LINE),
    ("Host: [::1", 400, LINE),
    ("Host: <script>", 400, LINE),
    ("Host: x\r\nno colon", 400, LINE),
    ("Host: x\r\n: nameless", 400, LINE),
    ("Host: x\r\nSpace : y", 400, LINE),
    ("Host: x\r\nSp ace: y", 400, LINE),
    ("Host: x\r\n Folded: y", 400, LINE),
    ("Host: x\r\nA: b\r\n folded", 400, LINE),
    ("Host: x\r\nA: b\r\n\tfolded", 400, LINE),
    ("Host: x\r\nA: \x00", 400, LINE),
    ("Host: x\r\nA: b\rc", 400, LINE),
    ("Host: x\r\nA: \x1b[31m", 400, LINE),
    ("Host: x\r\nA(: b", 400, LINE),
    ("Host: x\r\nContent-Length: -1", 400, LINE),
    ("Host: x\r\nContent-Length: +1", 400, LINE),
    ("Host: x\r\nContent-Length: 0x1", 400, LINE),
    ("Host: x\r\nContent-Length: 1, 1", 400, LINE),
    ("Host: x\r\nContent-Length:", 400, LINE),
    ("Host: x\r\nContent-Length: 9999999999999999999", 400, LINE),
    ("Host: x\r\nContent-Length: 0\r\nContent-Length: 0", 400, LINE),
    ("Host: x\r\nTransfer-Encoding: a\r\nTransfer-Encoding: chunked", 400, LINE),
    ("Host: x\r\n" + "\r\n".join(f"A{n}: b" for n in range(200)), 431, LINE),
    ("Host: x\r\nA: " + "b" * 40_000, 431, LINE),
    ("Host: x", 414, "GET /v2/" + "a" * 9000 + " HTTP/1.1"),
    ("Host: x", 414, "GET /v2/" + "a" * 90_000 + " HTTP/1.1"),
]


@pytest.mark.parametrize(("fields", "status", "line"), REFUSED, ids=lambda v: ascii(v)[:50])
def test_a_head_that_two_could_understand_differently(
    site: Site, fields: str, status: int, line: str
) -> None:
    with Wire(site.port) as wire:
        wire.send(line, *fields.split("\r\n") if fields else ())
        got = wire.read()
        assert (got.status, got.code) == (status, "UNSUPPORTED")
        assert got.fields["connection"] == "close"
        assert wire.ends()


@pytest.mark.parametrize(
    "host",
    ["x", "X.example", "x:5000", "127.0.0.1:5000", "[::1]:5000", "[fe80::1%25eth0]", "", "x:",
     "xn--nxasmq6b", "a_b", "x.", "%41", "999.999.999.999", "a" * 4000],
)  # fmt: skip
def test_a_host_that_is_one(site: Site, host: str) -> None:
    with Wire(site.port) as wire:
        wire.send("GET /v2/_catalog?n=1 HTTP/1.1", f"Host: {host}")
        got = wire.read()
        assert got.status == 200
        assert got.fields["link"].startswith("</v2/_catalog?")  # no host of a client comes back


@pytest.mark.parametrize(
    ("version", "field", "stays", "says"),
    [
        ("1.1", "A: b", True, None),
        ("1.1", "Connection: close", False, "close"),
        ("1.1", "Connection: Close", False, "close"),
        ("1.1", "Connection: TE, close", False, "close"),
        ("1.1", "Connection: TE\r\nConnection: close", False, "close"),
        ("1.1", "Connection: keep-alive", True, None),
        ("1.2", "A: b", True, None),
        ("1.0", "A: b", False, "close"),
        ("1.0", "Connection: keep-alive", True, "keep-alive"),
        ("1.0", "Connection: Keep-Alive", True, "keep-alive"),
    ],
)
def test_a_connection_stays_as_its_client_wants(
    site: Site, version: str, field: str, stays: bool, says: str | None
) -> None:
    with Wire(site.port) as wire:
        wire.send(f"GET /v2/ HTTP/{version}", "Host: x", *field.split("\r\n"))
        got = wire.read()
        assert (got.status, got.fields.get("connection")) == (200, says)
        if stays:
            assert wire.ask("/v2/").status == 200
        else:
            assert wire.ends()


def test_http_1_0_needs_no_host(site: Site) -> None:
    with Wire(site.port) as wire:
        wire.send("GET /v2/ HTTP/1.0")
        assert wire.read().status == 200
        assert wire.ends()


@pytest.mark.parametrize("before", ["", "\r\n", "\n", "\r\n\r\n\r\n"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_empty_lines_before_a_request_and_bare_line_feeds(
    site: Site, before: str, end: str
) -> None:
    with Wire(site.port) as wire:
        wire.socket.sendall(f"{before}{LINE}{end}Host: x{end}{end}".encode())
        assert wire.read().status == 200


def test_requests_in_one_piece_and_in_many(site: Site) -> None:
    path = f"/v2/nginx/blobs/{site.layer.digest}"
    with Wire(site.port) as wire:
        wire.socket.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 3)
        assert [wire.read().body for _ in range(3)] == [site.content] * 3
        for byte in f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode():
            wire.socket.sendall(bytes([byte]))
        assert wire.read().body == site.content
        wire.socket.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\nGET /v2/ nonsense\r\n\r\n")
        assert [wire.read().status for _ in range(2)] == [200, 400]
        assert wire.ends()


@pytest.mark.parametrize("hello", [b"\x16\x03\x01\x02\x00\x01", b"\x80\x2e\x01", b"\x00", b" GET"])
def test_who_speaks_another_language_hears_so_at_once(site: Site, hello: bytes) -> None:
    with Wire(site.port) as wire:
        wire.socket.sendall(hello)
        got = wire.read()
        assert got.status == 400
        assert "plain HTTP" in got.json["errors"][0]["message"]
        assert wire.ends()


LISTS = [
    ("/v2/nginx/tags/list", "tags", ["1.26", "1.27", "sbom", "sig0", "sig1"], None),
    ("/v2/nginx/tags/list?n=2", "tags", ["1.26", "1.27"], "n=2&last=1.27"),
    ("/v2/nginx/tags/list?n=2&last=1.27", "tags", ["sbom", "sig0"], "n=2&last=sig0"),
    ("/v2/nginx/tags/list?n=2&last=sig0", "tags", ["sig1"], None),
    ("/v2/nginx/tags/list?n=5", "tags", ["1.26", "1.27", "sbom", "sig0", "sig1"], None),
    ("/v2/nginx/tags/list?n=0", "tags", [], None),
    ("/v2/nginx/tags/list?last=zzz", "tags", [], None),
    ("/v2/nginx/tags/list?last=1.2", "tags", ["1.26", "1.27", "sbom", "sig0", "sig1"], None),
    ("/v2/nginx/tags/list?n=-1&last=sig0", "tags", ["sig1"], None),
    ("/v2/nginx/tags/list?n=x&last=sig0", "tags", ["sig1"], None),
    ("/v2/nginx/tags/list?n=" + "9" * 5000 + "&last=sig0", "tags", ["sig1"], None),
    ("/v2/nginx/tags/list?n=%0d%0aX:&last=%0d%0aX:%20y&n=1", "tags",
     ["1.26", "1.27", "sbom", "sig0", "sig1"], None),
    ("/v2/_catalog?n=2", "repositories", ["a/b/c/d", "docker.io/library/nginx"],
     "n=2&last=docker.io/library/nginx"),
    ("/v2/_catalog?n=2&last=docker.io/library/nginx", "repositories",
     ["ghcr.io/a/b/c/d", "nginx"], "n=2&last=nginx"),
    ("/v2/_catalog?last=nginx", "repositories", ["org/app", "quay.io/org/app"], None),
]  # fmt: skip


@pytest.mark.parametrize(("path", "key", "names", "link"), LISTS, ids=lambda v: str(v)[:50])
def test_a_list(site: Site, path: str, key: str, names: list[str], link: str | None) -> None:
    with Wire(site.port) as wire:
        got = wire.ask(path)
    assert (got.status, got.fields["content-type"]) == (200, "application/json")
    assert got.json[key] == names
    wanted = link and f'<{path.partition("?")[0]}?{link}>; rel="next"'
    assert got.fields.get("link") == wanted


ATTACHED = [
    ("ROOT", ["SIG0", "SIG1", "SBOM"], "", None),
    ("ROOT?artifactType=application/sbom", ["SBOM"], "artifactType", None),
    ("ROOT?artifactType=application%2Fsbom", ["SBOM"], "artifactType", None),
    ("ROOT?artifactType=application/signature", ["SIG0", "SIG1"], "artifactType", None),
    ("ROOT?artifactType=none", [], "artifactType", None),
    ("ROOT?artifactType=none&artifactType=application/sbom", [], "artifactType", None),
    ("ROOT?artifacttype=application/sbom", ["SIG0", "SIG1", "SBOM"], "", None),
    ("ROOT?last=SIG0&artifactType=application/sbom&n=0", [], "artifactType", None),
    ("ROOT?artifactType=", ["SIG0", "SIG1", "SBOM"], "", None),
    ("ZERO", [], "", None),
    ("SBOM", [], "", None),
    ("ROOT?artifactType=application/signature&n=1", ["SIG0"], "artifactType",
     "n=1&last=SIG0&artifactType=application%2Fsignature"),
    ("ROOT?artifactType=application/signature&n=1&last=SIG0", ["SIG1"], "artifactType", None),
    ("ROOT?n=0", [], "", None),
]  # fmt: skip


@pytest.mark.parametrize("name", ["nginx", "docker.io/library/nginx"])
@pytest.mark.parametrize(("asked", "found", "applied", "link"), ATTACHED)
def test_referrers(
    site: Site, asked: str, found: list[str], applied: str, link: str | None, name: str
) -> None:
    path = f"/v2/{name}/referrers/{named(site, asked)}"
    with Wire(site.port) as wire:
        got = wire.ask(path)
    assert got.status == 200
    assert got.fields["content-type"] == "application/vnd.oci.image.index.v1+json"
    assert got.fields.get("oci-filters-applied", "") == applied
    assert (got.json["schemaVersion"], got.json["mediaType"]) == (2, got.fields["content-type"])
    entries = got.json["manifests"]
    assert sorted(e["digest"] for e in entries) == sorted(named(site, text) for text in found)
    assert [e["digest"] for e in entries] == sorted(e["digest"] for e in entries)
    for entry in entries:
        body = site.layout.manifest_bytes(next(
            d.digest for i in site.layout.images for d in i.manifests
            if str(d.digest) == entry["digest"]
        ))  # fmt: skip
        assert entry["size"] == len(body)
    kinds = {e["digest"]: (e["artifactType"], "annotations" in e) for e in entries}
    assert kinds.get(site.sbom, ("application/sbom", False)) == ("application/sbom", False)
    assert kinds.get(site.signatures[0], ("application/signature", True)) == (
        "application/signature", True,
    )  # fmt: skip
    wanted = link and f'<{path.partition("?")[0]}?{named(site, link)}>; rel="next"'
    assert got.fields.get("link") == wanted
