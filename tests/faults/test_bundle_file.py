"""Bad bundle files: each is refused quickly, by name, with the next step, and never extracted."""

import errno
import gzip
import hashlib
import io
import json
import os
import random
import socket
import tarfile
import time
import tracemalloc
import zipfile

import pytest

from airgap.bundle import tar
from airgap.bundle.reader import Bundle
from airgap.errors import AirgapError, InputError, ResourceError
from tests.support.bundles import sample, write

SMALL = [("airgap/README", b"hello\n"), ("airgap/files/x", b"y")]


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "bundle.tar"
    write(sample(), path, extras=SMALL)
    return path


@pytest.fixture
def bad(tmp_path):
    """Return a function that writes bytes and gives the error of opening and proving them."""

    def refuse(data, kind=InputError):
        path = tmp_path / "bad.tar"
        if data is not None:
            path.write_bytes(data)
        begun = time.monotonic()
        with pytest.raises(kind) as caught, Bundle.open(path) as opened:
            opened.verify()
        assert time.monotonic() - begun < 1
        error = caught.value
        assert "\n" not in error.message + error.hint
        return error.message

    refuse.path = tmp_path / "bad.tar"
    return refuse


def parts(path):
    """Return the members of a bundle as name and content, and its table."""
    with tarfile.open(path) as archive:
        members = [(m.name, archive.extractfile(m).read()) for m in archive]
    return members[3:], json.loads(members[2][1])


def forge(members, table):
    """Write a bundle of which all sums hold, as an attacker would."""
    listed = [{"name": name, "size": len(body)} for name, body in members]
    return assemble(members, json.dumps(table | {"members": listed}).encode())


def assemble(members, table_bytes):
    listed = [("airgap.json", table_bytes), *members]
    sums = "".join(f"{hashlib.sha256(b).hexdigest()}  {n}\n" for n, b in listed).encode("latin-1")
    out = b""
    for name, body in (("SHA256SUMS", sums), ("SHA256SUMS.minisig", b"\n" * 4096), *listed):
        out += head(name, len(body)) + body + bytes(tar.pad(len(body)))
    return out + tar.END


def head(name, size):
    """Return a header with a name that airgap itself would refuse to write."""
    block = bytearray(tar.header("x", size))
    raw = name.encode("latin-1")[:100]
    block[: len(raw)] = raw
    block[100:108] = b"%07o\0" % tar.mode_of(name)
    return checked(block)


def checked(block):
    """Return a header with a checksum that holds."""
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def test_what_is_forged_from_a_good_bundle_opens(good, tmp_path):
    (tmp_path / "forged.tar").write_bytes(forge(*parts(good)))
    with Bundle.open(tmp_path / "forged.tar") as opened:
        opened.verify()


@pytest.mark.parametrize(
    ("data", "looks"),
    [
        (b"", "is empty"),
        (gzip.compress(b"x" * 10_000, mtime=0), "a gzip file"),
        (b"\x28\xb5\x2f\xfd" + bytes(2000), "a zstd file"),
        (b"\xfd7zXZ\0" + bytes(2000), "an xz file"),
        (b"\x7fELF" + bytes(2000), "a program"),
        (b"hello", "not an airgap bundle"),
        (bytes(10_000), "not an airgap bundle"),
        (os.urandom(10_000), "not an airgap bundle"),
    ],
)
def test_other_files(bad, data, looks):
    assert looks in bad(data)


def test_other_archives(bad):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("x", bytes(2000))
    assert "a zip file" in bad(buffer.getvalue())
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("x"))
    assert "another kind of tar" in bad(buffer.getvalue())


def test_what_is_no_file(bad, tmp_path):
    assert "No such file" in bad(None)
    bad.path.mkdir()
    assert "is not a file, but a folder" in bad(None)
    bad.path.rmdir()
    os.mkfifo(bad.path)
    assert "is not a file, but a pipe" in bad(None)
    bad.path.unlink()
    bad.path.symlink_to("/dev/zero")
    assert "is not a file, but a device" in bad(None)
    bad.path.unlink()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(bad.path))
        bad(None, AirgapError)


def test_truncated_anywhere(good, bad):
    data = good.read_bytes()
    rng = random.Random(1)
    cuts = {1, 511, 512, 513, len(data) - 1, len(data) - 512, len(data) - 1024, len(data) - 1025}
    cuts |= {rng.randrange(1, len(data)) for _ in range(200)}
    for cut in sorted(cuts):
        message = bad(data[:cut])
        assert f"have {cut}" in message or cut < 512, message
        if cut > 20_000:
            assert f"is truncated: expected {len(data)} bytes, have {cut}" in message


@pytest.mark.parametrize("more", [b"\0", bytes(512), b"x" * 5000])
def test_bytes_after_the_end(good, bad, more):
    told = f"{len(more)} zeros follow its end" if not any(more) else f"{len(more)} bytes after"
    assert told in bad(good.read_bytes() + more)


def test_every_flipped_bit_is_found(good, tmp_path):
    """1,000 flips at random, and one in each of the first bytes and around each header."""
    path, data = tmp_path / "flipped.tar", good.read_bytes()
    path.write_bytes(data)
    rng = random.Random(2)
    places = {rng.randrange(len(data)) for _ in range(1000)} | set(range(0, 512, 3))
    with Bundle.open(good) as opened:
        for member in opened.members():
            places |= {member.header_at + n for n in (0, 99, 124, 135, 156, 257, 345, 511)}
            places |= {min(member.end, len(data) - 1), len(data) - 1}
    with path.open("r+b") as file:
        for place in sorted(places):
            flipped = data[place] ^ (1 << rng.randrange(8))
            os.pwrite(file.fileno(), bytes([flipped]), place)
            with pytest.raises(AirgapError), Bundle.open(path) as opened:
                opened.verify()
            os.pwrite(file.fileno(), data[place : place + 1], place)
    with Bundle.open(path) as opened:
        opened.verify()


@pytest.mark.parametrize(
    "name",
    [
        "../x",
        "/etc/x",
        "airgap/../../x",
        "airgap/./x",
        "airgap//x",
        "airgap/a\\b",
        "airgap/" + "n" * 5000,
        "airgap/\xff",
        "airgap/README/x",
        "airgap/a\tb",
        "x",
        "blobs/sha256/x",
        "blobs/sha512/" + "0" * 128,
        "blobs/sha256/" + "0" * 64,
    ],
)
def test_names(good, bad, name):
    members, table = parts(good)
    bad(forge([*members[:5], (name, b"x"), *members[5:]], table))


@pytest.mark.parametrize("name", ["index.json", "airgap/README"])
def test_a_member_twice(good, bad, name):
    members, table = parts(good)
    bad(forge([*members, (name, dict(members)[name])], table))


def test_blobs_missing_extra_altered_or_in_another_order(good, bad):
    members, table = parts(good)
    assert "missing" in bad(forge(members[:-1], table))
    assert "no image needs it" in bad(
        forge([*members, (f"blobs/sha256/{hashlib.sha256(b'x').hexdigest()}", b"x")], table)
    )
    name, body = members[-1]
    altered = bytes([body[0] ^ 1]) + body[1:]
    assert "something else" in bad(forge([*members[:-1], (name, altered)], table))
    assert "order" in bad(forge([*members[:-2], members[-1], members[-2]], table))
    assert "order" in bad(forge([members[1], members[0], *members[2:]], table))


@pytest.mark.parametrize("door", ["oci-layout", "index.json", "manifest.json"])
def test_a_door_that_shows_something_else(good, bad, door):
    members, table = parts(good)
    changed = [(n, b.replace(b"1", b"2") if n == door else b) for n, b in members]
    assert f"{door} does not show the images" in bad(forge(changed, table))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2, "tool": "airgap 9"}, "format 2 (written by 'airgap 9'); airgap "),
        ({"requires": ["deltas"]}, "needs 'deltas'"),
        ({"format": "1"}, "format is no whole number"),
        ({"images": {}}, "images is no list"),
        ({"images": [{}]}, "reference is no printable text"),
        ({"name": 5}, "name is no printable text"),
        ({"serial": -1}, "serial is no whole number"),
        ({"parameters": []}, "parameters is no JSON object"),
        ({"platforms": ["linux"]}, "invalid platform"),
        ({"node": {}}, "reference is no printable text"),
        ({"failed": ["nginx"]}, "is not complete"),
        ({"images": []}, "does not show the images"),
    ],
)
def test_tables(good, bad, change, message):
    members, table = parts(good)
    assert message in bad(forge(members, table | change))


def test_unknown_keys_are_ignored(good, tmp_path):
    members, table = parts(good)
    table["later"] = {"x": 1}
    table["images"][0]["later"] = True
    (tmp_path / "later.tar").write_bytes(forge(members, table))
    with Bundle.open(tmp_path / "later.tar") as opened:
        assert len(opened.images) == 3


@pytest.mark.parametrize("size", [-1, 1 << 63, 10**20, 1.5, "10", None, True])
def test_sizes_in_the_table(good, bad, size):
    members, table = parts(good)
    table["members"][0]["size"] = size
    bad(assemble(members, json.dumps(table).encode()))


@pytest.mark.parametrize("kind", [b"1", b"2", b"3", b"4", b"6", b"5", b"S", b"M", b"x", b"g", b"L"])
def test_links_devices_and_extensions(good, bad, kind):
    """Every header that is not the one of a regular file is refused, with a checksum that holds."""
    data = bytearray(good.read_bytes())
    with Bundle.open(good) as opened:
        member = opened.members()[7]
    block = bytearray(data[member.header_at : member.at])
    block[156:157] = kind
    block[157:163] = b"../../"
    data[member.header_at : member.at] = checked(block)
    assert "header of" in bad(bytes(data))


@pytest.mark.parametrize(
    "field", [b"-0000000001\0", b"99999999999\0", b"\xff" * 12, b"\x80" + b"\xff" * 11, b" " * 12]
)
def test_sizes_in_the_first_header(good, bad, field):
    data = bytearray(good.read_bytes())
    data[124:136] = field
    data[:512] = checked(data[:512])
    assert "header of SHA256SUMS" in bad(bytes(data))


def test_a_huge_first_member_is_not_read(good, bad):
    size = (8 << 30) - 1
    data = tar.header("SHA256SUMS", size) + bytes(1000)
    tracemalloc.start()
    bad(data)
    with bad.path.open("r+b") as file:
        file.truncate(size + 2048)  # sparse
    bad(None)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [
        b'{"format": 1, "format": 1}',
        b"[" * 100_000,
        b'{"format": NaN}',
        b'{"format": 1' + b"0" * 5000 + b"}",
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b"{} x",
        b"",
    ],
)
def test_json(good, bad, text):
    members, _ = parts(good)
    assert "airgap.json" in bad(assemble(members, text))


def test_replaced_while_open(good, tmp_path):
    """The file is opened once: another one under its name changes nothing."""
    path, content = tmp_path / "b.tar", sample()
    path.write_bytes(good.read_bytes())
    with Bundle.open(path) as opened:
        (tmp_path / "other").write_bytes(b"other")
        (tmp_path / "other").replace(path)
        opened.verify()
        blob = opened.images[0].blobs[1]
        assert b"".join(map(bytes, opened.chunks(blob))) == content.blobs[blob.digest]


def test_truncated_or_altered_while_open(good, tmp_path):
    path = tmp_path / "b.tar"
    path.write_bytes(good.read_bytes())
    with Bundle.open(path) as opened, path.open("r+b") as file:
        blob = opened.images[2].blobs[-1]
        at = next(m.at for m in opened.members() if m.name.endswith(blob.digest.hex))
        os.pwrite(file.fileno(), b"altered", at)
        given = []
        with pytest.raises(InputError, match="is damaged"):
            given += opened.chunks(blob)
        assert given == []  # one chunk, and it is the last
        file.truncate(at + 1)
        with pytest.raises(InputError, match="became shorter"):
            list(opened.chunks(blob))


def test_a_medium_that_fails(good, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with Bundle.open(good) as opened:
        monkeypatch.setattr(os, "preadv", fail)
        with pytest.raises(ResourceError, match="Input/output error") as caught:
            opened.verify()
        assert "disk or stick" in caught.value.hint
        monkeypatch.undo()
        opened.verify()
        with pytest.raises(InputError, match="no member"):
            opened.member("airgap/none")
