"""A partial file is taken over by the next run, and nothing in it is trusted."""

import errno
import os
import random
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airgap.bundle.partial.sink import DigestMismatch
from airgap.bundle.plan import plan
from airgap.bundle.reader import Bundle
from airgap.bundle.writer import Writer
from airgap.errors import InputError, ResourceError
from tests.support.bundles import Content, fill, sample, write


def partial_of(path):
    return path.with_name(path.name + ".partial")


def begin(content, path, fraction, **others):
    """Fill every blob up to a fraction, and stop without a commit."""
    with Writer(plan(content.contents(**others)), path) as writer:
        for blob in writer.missing():
            sink = writer.sink(blob)
            sink.write(memoryview(content.blobs[blob.digest])[: int(blob.size * fraction)])
            if fraction == 1:
                sink.finish()


def scatter(content, path, chance, **others):
    """Write some pieces of every blob, and stop without a commit; return how many bytes."""
    count = 0
    with Writer(plan(content.contents(**others)), path) as writer:
        for blob in writer.missing():
            sink, data = writer.sink(blob), memoryview(content.blobs[blob.digest])
            for start, end in chance.sample(sink.gaps(), len(sink.gaps())):
                middle = chance.randint(start, end)
                last = chance.randint(middle, end)
                sink.write(data[middle:last], middle)
                count += last - middle
    return count


def fill_gaps(writer, content):
    """Give the writer all that it misses, from the last piece to the first."""
    count = 0
    for blob in writer.missing():
        sink, data = writer.sink(blob), memoryview(content.blobs[blob.digest])
        for start, end in reversed(sink.gaps()):
            sink.write(data[start:end], start)
            count += end - start
        sink.finish()
    return count


def reference_bytes(content, tmp_path, **others):
    write(content, tmp_path / "whole.tar", **others)
    return (tmp_path / "whole.tar").read_bytes()


@pytest.mark.parametrize(("fraction", "left"), [(0.0, 1.0), (0.5, 0.5), (1.0, 0.0)])
def test_a_later_run_goes_on(tmp_path, fraction, left):
    content, path = sample(), tmp_path / "b.tar"
    whole = sum(b.size for b in plan(content.contents()).blobs)
    begin(content, path, fraction)
    assert not path.exists()
    with Writer(plan(content.contents()), path) as writer:
        assert abs(fill(writer, content) - whole * left) <= 20
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.tar", "whole.tar"]


@pytest.mark.parametrize("fraction", [0.5, 1.0])
def test_another_plan_keeps_what_it_needs(tmp_path, fraction):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, fraction, extras=[("airgap/files/x", b"x" * 9000)])
    content.images.reverse()
    content.simple("busybox:1", 90, 4000)
    new = sum(b.size for b in content.images[-1].blobs)
    planned = plan(content.contents())
    kept = sum(b.size for b in planned.blobs) - new
    with Writer(planned, path) as writer:
        assert abs(fill(writer, content) - new - kept * (1 - fraction)) <= 20
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_fewer_images_leave_no_trace(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, 1.0)
    del content.images[0]
    with Writer(plan(content.contents()), path) as writer:
        assert fill(writer, content) == 0
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_altered_content_is_fetched_again(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, 1.0)
    planned = plan(content.contents())
    blob = planned.blobs[3]
    data = bytearray(partial_of(path).read_bytes())
    data[planned.places[blob.digest] + 5] ^= 1
    partial_of(path).write_bytes(data)
    with Writer(planned, path) as writer:
        assert writer.missing() == [blob]
        fill(writer, content)
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_an_altered_beginning_is_found_at_the_end(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, 0.5)
    planned = plan(content.contents())
    blob = max(planned.blobs, key=lambda b: b.size)
    data = bytearray(partial_of(path).read_bytes())
    data[planned.places[blob.digest]] ^= 1
    partial_of(path).write_bytes(data)
    with Writer(planned, path) as writer:
        sink = writer.sink(blob)
        assert sink.offset == int(blob.size * 0.5)
        sink.write(memoryview(content.blobs[blob.digest])[sink.offset :])
        with pytest.raises(DigestMismatch) as caught:
            sink.finish()
        assert caught.value.expected == blob.digest
    with Writer(planned, path) as writer:
        assert writer.sink(blob).offset in (0, blob.size)
    with Writer(planned, path) as writer:
        sink = writer.sink(blob)
        sink.restart()
        sink.write(memoryview(content.blobs[blob.digest]))
        sink.finish()
        assert blob not in writer.missing()


@pytest.mark.parametrize(
    "journal",
    [
        b"",
        b"garbage\n\xff\xfe\n",
        b"sha256:" + b"0" * 64 + b" 0 100\n",
        b"sha256:" + b"0" * 64 + b" 999999999999999 999999999999999\n",
        b"torn line without end",
    ],
)
def test_any_journal_is_harmless(tmp_path, journal):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, 1.0)
    partial_of(path).with_name("b.tar.partial.journal").write_bytes(journal)
    with Writer(plan(content.contents()), path) as writer:
        fill(writer, content)
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_a_lying_journal_is_harmless(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    begin(content, path, 1.0)
    planned = plan(content.contents())
    lines = [f"{b.digest} {7 * n} {b.size}\n" for n, b in enumerate(planned.blobs)]
    partial_of(path).with_name("b.tar.partial.journal").write_text("".join(lines))
    with Writer(planned, path) as writer:
        fill(writer, content)
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_what_is_missing_is_named(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    with (
        Writer(plan(content.contents()), path) as writer,
        pytest.raises(InputError, match="not complete"),
    ):
        writer.commit()
    assert not path.exists()


def test_more_bytes_than_announced_are_refused(tmp_path):
    content = sample()
    with Writer(plan(content.contents()), tmp_path / "b.tar") as writer:
        blob = writer.missing()[0]
        with pytest.raises(InputError, match="has more than"):
            writer.sink(blob).write(memoryview(bytes(blob.size + 1)))


def test_two_runs_at_once(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    with (
        Writer(plan(content.contents()), path),
        pytest.raises(ResourceError, match="another run"),
        Writer(plan(content.contents()), path),
    ):
        pass


def test_a_planted_link_is_not_followed(tmp_path):
    victim, path = tmp_path / "victim", tmp_path / "b.tar"
    victim.write_text("precious")
    partial_of(path).symlink_to(victim)
    with pytest.raises(ResourceError), Writer(plan(sample().contents()), path):
        pass
    partial_of(path).unlink()
    partial_of(path).hardlink_to(victim)
    with (
        pytest.raises(ResourceError, match="no plain file"),
        Writer(plan(sample().contents()), path),
    ):
        pass
    assert victim.read_text() == "precious"


@pytest.mark.parametrize(("secret", "mode"), [(True, 0o600), (False, 0o640)])
def test_permissions(tmp_path, secret, mode):
    content, path = sample(), tmp_path / "b.tar"
    old = os.umask(0o027)
    try:
        with Writer(plan(content.contents()), path, secret=secret) as writer:
            assert partial_of(path).stat().st_mode & 0o777 == mode
            fill(writer, content)
            writer.commit()
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == mode


def test_space_is_checked_before(tmp_path, monkeypatch):
    real = os.fstatvfs

    def full(fd):
        found = list(real(fd))
        found[4] = 1  # f_bavail
        return os.statvfs_result(found)

    monkeypatch.setattr(os, "fstatvfs", full)
    planned = plan(sample().contents())
    with (
        pytest.raises(ResourceError, match=f"not enough space.*{planned.size} bytes needed"),
        Writer(planned, tmp_path / "b.tar"),
    ):
        pass


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS])
def test_failures_of_the_system_are_explained(tmp_path, monkeypatch, code):
    content, path = sample(), tmp_path / "b.tar"

    def fail(*_):
        raise OSError(code, os.strerror(code))

    with Writer(plan(content.contents()), path) as writer:
        with monkeypatch.context() as patched:
            patched.setattr(os, "pwrite", fail)
            with pytest.raises(ResourceError, match=r"b\.tar\.partial") as caught:
                fill(writer, content)
            assert caught.value.hint
        fill(writer, content)
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", fail)
            with pytest.raises(ResourceError):
                writer.commit()
        assert not path.exists()
        writer.commit()
    assert path.exists()


def test_a_limit_on_file_size_is_explained(tmp_path):
    content = Content()
    content.simple("big:1", 1, 300_000)
    planned = plan(content.contents())
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, old[1]))
    try:
        with (
            pytest.raises(ResourceError, match="the limit for files is 100000"),
            Writer(planned, tmp_path / "b.tar"),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)


def test_an_older_bundle_stays_until_the_new_one_is_whole(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    path.write_bytes(b"old")
    begin(content, path, 1.0)
    assert path.read_bytes() == b"old"
    with Writer(plan(content.contents()), path) as writer:
        writer.commit()
    with Bundle.open(path) as opened:
        opened.verify()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_every_piece_is_kept_also_by_another_plan(tmp_path_factory, seed):
    tmp_path = tmp_path_factory.mktemp("pieces")
    content, path, chance = sample(), tmp_path / "b.tar", random.Random(seed)
    extras = [("airgap/files/x", b"x" * 9000)]
    there = scatter(content, path, chance, extras=extras)
    there += scatter(content, path, chance)  # moves them, and adds some
    content.images.reverse()
    planned = plan(content.contents())
    with Writer(planned, path) as writer:
        assert fill_gaps(writer, content) == sum(b.size for b in planned.blobs) - there
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


def test_a_corrupt_piece_is_found_and_all_of_the_blob_begins_again(tmp_path):
    content, path = sample(), tmp_path / "b.tar"
    planned = plan(content.contents())
    blob = max(planned.blobs, key=lambda b: b.size)
    data = memoryview(content.blobs[blob.digest])
    with Writer(planned, path) as writer:
        writer.sink(blob).write(data[1000:2000], 1000)
    with partial_of(path).open("r+b") as file:
        file.seek(planned.places[blob.digest] + 1500)
        file.write(b"corrupt")
    with Writer(planned, path) as writer, pytest.raises(DigestMismatch):
        fill_gaps(writer, content)
    with Writer(planned, path) as writer:
        assert writer.sink(blob).gaps() == [(0, blob.size)]
        fill_gaps(writer, content)
        writer.commit()
    assert path.read_bytes() == reference_bytes(content, tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_any_history_ends_in_the_same_bytes(tmp_path_factory, seed):
    """Runs with random lists, orders and interruptions: the last one gives what one run gives."""
    tmp_path = tmp_path_factory.mktemp("history")
    rng, path = random.Random(seed), tmp_path / "b.tar"
    everything = Content()
    for number in range(5):
        everything.simple(f"app{number}:1", 10 * number, *rng.choices([3, 900, 7000], k=2))
    for _ in range(rng.randint(1, 4)):
        images = rng.sample(everything.images, rng.randint(1, 5))
        planned = plan(everything.contents(images=images))
        with Writer(planned, path) as writer:
            for blob in writer.missing():
                sink = writer.sink(blob)
                data = memoryview(everything.blobs[blob.digest])
                count = rng.choice([0, blob.size // 3, blob.size])
                sink.write(data[sink.offset : max(count, sink.offset)])
                if sink.offset == blob.size:
                    sink.finish()
    with Writer(planned, path) as writer:
        fill(writer, everything)
        writer.commit()
    write(everything, tmp_path / "whole.tar", images=images)
    assert path.read_bytes() == (tmp_path / "whole.tar").read_bytes()


def test_killed_at_any_time(tmp_path):
    """SIGKILL while blobs arrive or move: the next run ends with the same bytes."""
    path = tmp_path / "b.tar"
    script = textwrap.dedent(
        """
        import os, random, signal, sys, time
        from pathlib import Path
        from tests.support.bundles import Content, fill
        from airgap.bundle.plan import plan
        from airgap.bundle.writer import Writer

        content, path, rng = Content(), Path(sys.argv[1]), random.Random(4)
        for number in range(4):
            content.simple(f"app{number}:1", 10 * number, 3_000_000)

        def write(seed):
            images = random.Random(seed).sample(content.images, 4)
            with Writer(plan(content.contents(images=images)), path) as writer:
                fill(writer, content)
                writer.commit()

        for seed in range(6):
            child = os.fork()
            if not child:
                write(seed)
                os._exit(0)
            time.sleep(rng.uniform(0, 0.12))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        write(9)
        path.rename(path.with_suffix(".resumed"))
        write(9)
        """
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    subprocess.run([sys.executable, "-c", script, str(path)], env=environment, check=True)
    assert path.read_bytes() == path.with_suffix(".resumed").read_bytes()


@pytest.mark.parametrize("code", [errno.EINVAL, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP])
def test_a_medium_that_cannot_flush_gets_a_whole_bundle_and_a_warning(tmp_path, monkeypatch, code):
    def refuse(_):
        raise OSError(code, os.strerror(code))

    content, path = sample(), tmp_path / "b.tar"
    monkeypatch.setattr(os, "fsync", refuse)
    with Writer(plan(content.contents()), path) as writer:
        fill(writer, content)
        writer.commit()
    assert ["unmount it" in text for text in writer.warnings] == [True]
    with Bundle.open(path) as bundle:
        bundle.verify()
