"""What is proved ahead is not hashed again, unless the file is another by then."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from airgap.bundle.reader import Bundle
from airgap.errors import InputError
from airgap.oci.descriptor import Descriptor
from airgap.unpack.ahead import Ahead
from tests.support.bundles import Content, write

SIZE = 3_000_000


def later() -> int:
    return time.time_ns() + 10_000_000_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    content = Content()
    content.simple("nginx:1", 1, SIZE, 2000)
    write(content, tmp_path / "b.tar")
    return tmp_path / "b.tar"


@pytest.fixture
def bundle(path: Path) -> Iterator[Bundle]:
    with Bundle.open(path) as bundle:
        yield bundle


def layers(bundle: Bundle) -> list[Descriptor]:
    return list({blob.digest: blob for image in bundle.images for blob in image.blobs}.values())


def big(bundle: Bundle) -> Descriptor:
    return max(layers(bundle), key=lambda blob: blob.size)


def done(ahead: Ahead) -> Ahead:
    ahead._thread.join()
    return ahead


def alter(bundle: Bundle, path: Path) -> None:
    with bundle.place(big(bundle)) as place, path.open("r+b") as file:
        file.seek(place.at + 2_000_000)
        file.write(b"altered")


def test_what_is_proved_is_sent_without_hashing(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {blob.digest: b"".join(map(bytes, bundle.chunks(blob))) for blob in layers(bundle)}
    with Ahead(bundle, at_work=True, now=later) as ahead:
        done(ahead)
        monkeypatch.setattr(Bundle, "chunks", lambda *_: pytest.fail("it is hashed again"))
        for blob in layers(bundle):
            assert b"".join(map(bytes, ahead.chunks(blob))) == whole[blob.digest]


def test_a_file_that_changed_since_is_hashed_again(bundle: Bundle, path: Path) -> None:
    with Ahead(bundle, at_work=True, now=later) as ahead:
        done(ahead)
        alter(bundle, path)
        with pytest.raises(InputError, match="is damaged"):
            list(ahead.chunks(big(bundle)))


def test_a_file_that_was_only_touched_is_hashed_again_and_holds(bundle: Bundle, path: Path) -> None:
    with Ahead(bundle, at_work=True, now=later) as ahead:
        done(ahead)
        os.utime(path)
        assert sum(map(len, ahead.chunks(big(bundle)))) == big(bundle).size


def test_a_change_while_it_is_read_withholds_the_end(bundle: Bundle, path: Path) -> None:
    with Ahead(bundle, at_work=True, now=later) as ahead:
        done(ahead)
        chunks = ahead.chunks(big(bundle))
        came = len(next(chunks))
        alter(bundle, path)
        with pytest.raises(InputError, match="changed while it was read"):
            for chunk in chunks:
                came += len(chunk)
        assert came < big(bundle).size


def test_damage_is_told_by_who_needs_it(bundle: Bundle, path: Path) -> None:
    alter(bundle, path)
    with Ahead(bundle, at_work=True, now=later) as ahead:
        done(ahead)
        with pytest.raises(InputError, match="is damaged"):
            list(ahead.chunks(big(bundle)))
        small = min(layers(bundle), key=lambda blob: blob.size)
        assert sum(map(len, ahead.chunks(small))) == small.size


def test_what_changed_a_moment_ago_is_not_believed(bundle: Bundle) -> None:
    with Ahead(bundle, at_work=True, now=lambda: bundle_time(bundle) + 1_000_000) as ahead:
        done(ahead)
        assert not ahead._proved


def bundle_time(bundle: Bundle) -> int:
    with bundle.place(big(bundle)) as place:
        return os.fstat(place.fd).st_ctime_ns


def test_without_time_nothing_is_proved(bundle: Bundle) -> None:
    with Ahead(bundle, at_work=False, now=later) as ahead:
        assert sum(map(len, ahead.chunks(big(bundle)))) == big(bundle).size
        assert not ahead._proved
        assert ahead._thread.ident is None


def test_the_thread_ends_when_something_is_read(bundle: Bundle) -> None:
    with Ahead(bundle, at_work=True, now=later) as ahead:
        list(ahead.chunks(big(bundle)))
        assert not ahead._thread.is_alive()


def test_the_thread_ends_when_the_cluster_fails(bundle: Bundle) -> None:
    ahead = Ahead(bundle, at_work=True, now=later)
    with pytest.raises(KeyError), ahead:
        raise KeyError
    assert not ahead._thread.is_alive()


def test_it_is_the_bundle_otherwise(bundle: Bundle) -> None:
    with Ahead(bundle, at_work=False) as ahead:
        assert ahead.images == bundle.images
        assert big(bundle).digest in ahead
        root = bundle.images[0].root
        assert ahead.manifest_bytes(root.digest) == bundle.manifest_bytes(root.digest)
        tail = b"".join(map(bytes, ahead.chunks(big(bundle), 2_999_000)))
        assert tail == b"".join(map(bytes, bundle.chunks(big(bundle))))[2_999_000:]
