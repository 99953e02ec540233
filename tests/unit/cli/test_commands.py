import contextlib
import errno
import http.client
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from airgap.cli import app, ask, environment, failure
from tests.support.bundles import Content, sample, write
from tests.support.images import Maker


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "b.tar"
    content = Content()
    content.simple("nginx:1.27", 1, 1000)
    write(content, path)
    return path


class Ran:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]):  # type: ignore[no-untyped-def]
    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        code = app.run([str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run


def test_every_command_has_help_with_an_example(run) -> None:  # type: ignore[no-untyped-def]
    for name in app.cli.commands:
        ran = run(name, "--help")
        assert ran.code == 0
        assert "Example:\n" in ran.out, name
        assert all(len(line) <= 100 for line in ran.out.split("\n"))


def test_every_command_is_told_in_one_short_line(run) -> None:  # type: ignore[no-untyped-def]
    """In three groups, in the order of work."""
    lines = run("--help").out.split("\n")
    titles = [line for line in lines if line and line[0].isalpha() and line.endswith(":")]
    assert titles[-3:] == ["Where there is a network:", "Anywhere:", "On the isolated host:"]
    told = [line.split(maxsplit=1) for line in lines[lines.index(titles[-3]) :] if line[:2] == "  "]
    assert [name for name, _ in told] == list(app.cli.commands)
    assert [text for _, text in told if len(text) > 55 or text.endswith("...")] == []


def test_help_and_version(run) -> None:  # type: ignore[no-untyped-def]
    assert run("--help").code == 0
    assert run("--version").out.startswith("airgap ")


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["pack"],
        ["pack", "x.txt", "--tls", "no"],
        ["unpack", "x", "--host-port", "0"],
        ["pack", "{images}", "--images-only", "--kind", "x"],
        ["pack", "{images}", "--images-only", "--workers", "2"],
    ],
)
def test_wrong_usage_is_2_with_one_error_and_one_hint(run, arguments, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    images = tmp_path / "images.txt"
    images.write_text("nginx:1.27\n")
    ran = run(*(argument.format(images=images) for argument in arguments))
    assert ran.code == 2
    lines = ran.err.strip().split("\n")
    assert [line.split(":")[0] for line in lines] == ["error", "hint"]


def test_where_nobody_can_be_asked_the_option_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    with pytest.raises(click.UsageError, match=r"Remove all: there is no terminal .* --yes"):
        ask.confirm("Remove all?")


@pytest.mark.parametrize("command", [["unpack"], ["push"], ["serve"], ["verify"], ["inspect"]])
def test_a_key_stops_what_it_did_not_sign(run, bundle: Path, tmp_path: Path, command) -> None:  # type: ignore[no-untyped-def]
    assert run("keygen", tmp_path / "k").code == 0
    more = ["127.0.0.1:1"] if command == ["push"] else []
    ran = run(*command, bundle, *more, "--key", tmp_path / "k.pub")
    assert ran.code == 4, ran.err
    assert "the bundle is not signed" in ran.err


def test_inspect_and_verify(run, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    found = json.loads(run("inspect", bundle, "--json").out)
    assert [image["reference"] for image in found["images"]] == ["docker.io/library/nginx:1.27"]
    assert found["tls"] is None
    assert "nginx:1.27" in run("inspect", bundle).out
    proved = json.loads(run("verify", bundle, "--json").out)
    assert proved["digest"] == found["digest"]
    assert "not verified: who made it" in run("verify", bundle).out


def test_verify_names_what_is_altered(run, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    data = bytearray(bundle.read_bytes())
    data[-1600] ^= 1
    bundle.write_bytes(bytes(data))
    ran = run("verify", bundle)
    assert ran.code == 3
    assert "error: " in ran.err


def test_keygen_sign_verify(run, bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    assert run("keygen", tmp_path / "release").code == 0
    assert (tmp_path / "release.key").stat().st_mode & 0o077 == 0
    again = run("keygen", tmp_path / "release")
    assert again.code == 6
    unsigned = run("verify", bundle, "--key", tmp_path / "release.pub")
    assert unsigned.code == 4
    assert run("sign", bundle, "--key", tmp_path / "release.key").code == 0
    ran = run("verify", bundle, "--key", tmp_path / "release.pub")
    assert ran.code == 0
    assert "signature  valid:" in ran.out
    assert "said to be by" in run("inspect", bundle).out
    run("keygen", tmp_path / "other")
    assert run("verify", bundle, "--key", tmp_path / "other.pub").code == 4


@pytest.mark.needs("minisign")
def test_minisign_proves_our_signature(run, bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    run("keygen", tmp_path / "release")
    run("sign", bundle, "--key", tmp_path / "release.key")
    subprocess.run(
        ["tar", "xf", bundle, "-C", tmp_path, "SHA256SUMS", "SHA256SUMS.minisig"], check=True
    )
    command = ["minisign", "-Vm", tmp_path / "SHA256SUMS", "-p", tmp_path / "release.pub"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def test_files_that_are_missing(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    for arguments, code in (
        (("inspect", tmp_path / "gone.tar"), 3),
        (("push", tmp_path / "gone.tar", "localhost:1"), 3),
        (("pack", tmp_path / "gone.txt", "--images-only"), 3),
        (("serve", tmp_path / "gone"), 3),
    ):
        ran = run(*arguments)
        assert ran.code == code, ran.err
        assert ran.err.count("error: ") == 1


def test_kind_is_missing(run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "images.txt").write_text("nginx\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    ran = run("pack", tmp_path / "images.txt")
    assert ran.code == 3
    assert "kind is not on PATH" in ran.err
    assert "--images-only" in ran.err


def test_a_fault_of_ours_has_no_traceback_but_with_vv(
    run, bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # type: ignore[no-untyped-def]
    def broken(*_: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("airgap.bundle.reader.Bundle.verify", broken)
    ran = run("verify", bundle)
    assert ran.code == 1
    assert "a fault in airgap: ZeroDivisionError: oops" in ran.err
    assert "Traceback" not in ran.err
    assert "Traceback" in run("verify", bundle, "-vv").err


def test_interrupts_have_their_codes(run, bundle: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for error, code in ((KeyboardInterrupt(), 130), (failure.Terminated(), 143)):

        def stop(*_: object, error: BaseException = error) -> None:
            raise error

        monkeypatch.setattr("airgap.bundle.reader.Bundle.verify", stop)
        assert run("verify", bundle).code == code


def test_the_environment_s_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://upper:1")
    monkeypatch.setenv("https_proxy", "http://lower:1")
    monkeypatch.setenv("NO_PROXY", "x")
    assert environment.proxies()["https"] == "http://lower:1"
    assert environment.proxies()["no"] == "x"


def test_serve_reads_a_layout(tmp_path: Path) -> None:
    from airgap.cli.commands.serve import _address, _certificate
    from airgap.cli.content import open_content

    maker = Maker(tmp_path / "layout")
    maker.image(b"a", name="x/y:1")
    maker.layout()
    with open_content(tmp_path / "layout", ()) as content:
        assert len(content.images) == 1
        assert _certificate(content, ["127.0.0.1"]).ca_pem
    assert _address("[::1]:5000") == ("::1", 5000)


@contextlib.contextmanager
def served(bundle: Path, *options: object, until: str):  # type: ignore[no-untyped-def]
    """Serve in a process of its own; yields it and what it told, up to a text."""
    command = [sys.executable, "-c", "from airgap.cli import main; main()", "serve", str(bundle)]
    with subprocess.Popen(
        [*command, *map(str, options)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        assert process.stderr
        told = ""
        while until not in told:
            line = process.stderr.readline()
            assert line, told
            told += line
        yield process, told
        process.kill()


def test_serve_until_ctrl_c(bundle: Path, tmp_path: Path) -> None:
    """A process of its own: the address, how to trust it, Ctrl-C, and the exit code 0."""
    ca = tmp_path / "ca.crt"
    options = ("--listen", "127.0.0.1:0", "--ca-out", ca)
    with served(bundle, *options, until="certs.d") as (process, told):
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert "Serving 1 image at https://127.0.0.1:" in told
        assert ca.read_text().startswith("-----BEGIN CERTIFICATE-----")
        rest = process.stderr.read()
        assert "stopped" in rest
        assert "warning" not in told + rest


def test_serve_warns_of_plain_http_and_counts_what_it_could_not_answer(bundle: Path) -> None:
    from airgap.bundle.reader import Bundle

    options = ("--plain-http", "--listen", "0.0.0.0:0")
    with served(bundle, *options, until="warning: plain http") as (process, told):
        port = re.search(r"http://0\.0\.0\.0:([0-9]+)", told)
        assert port
        with Bundle.open(bundle) as opened:
            image = opened.images[0]
            with opened.place(image.root) as place, bundle.open("r+b") as file:
                file.seek(place.at)
                file.write(b"?")
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=60)
        path = f"/v2/{image.reference.repository}/manifests/{image.root.digest}"
        with contextlib.closing(connection):
            connection.request("GET", path)
            assert connection.getresponse().status == 500
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        rest = process.stderr.read()
        assert "1 request went without the right answer" in rest
        assert image.root.digest.hex in rest


@pytest.mark.needs("root")
def test_serve_as_another_user(bundle: Path) -> None:
    """Which could not open the bundle: it is open already."""
    bundle.chmod(0o600)
    options = ("--plain-http", "--listen", "127.0.0.1:0", "--user", "nobody")
    with served(bundle, *options, until="from now on as nobody") as (process, told):
        port = re.search(r":([0-9]+)", told)
        assert port
        status = Path(f"/proc/{process.pid}/status").read_text()
        for line in ("Uid", "Gid", "Groups"):
            numbers = re.search(rf"^{line}:(.*)$", status, re.M)
            assert numbers
            assert "0" not in numbers[1].split()
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=60)
        with contextlib.closing(connection):
            connection.request("GET", "/v2/_catalog")
            assert connection.getresponse().status == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_serve_as_a_user_that_is_none_or_may_not(run, bundle: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for name in ("nobody-of-that-name", "4294967295", "9" * 30, "-1"):
        ran = run("serve", bundle, "--listen", "127.0.0.1:0", "--user", name)
        assert (ran.code, f"there is no user '{name}'" in ran.err) == (3, True)

    def refused(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "initgroups", refused)
    ran = run("serve", bundle, "--listen", "127.0.0.1:0", "--user", "nobody")
    assert ran.code == 6
    assert "cannot become nobody: Operation not permitted" in ran.err


def test_serve_cannot_write_the_ca(run, bundle: Path, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    ran = run("serve", bundle, "--listen", "127.0.0.1:0", "--ca-out", tmp_path / "gone" / "ca.crt")
    assert ran.code == 6
    assert "cannot write" in ran.err


def test_inspect_looks_into_a_layout(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    maker = Maker(tmp_path / "built")
    maker.image(b"layer", name="quay.io/org/app:1")
    maker.layout()
    ran = run("inspect", tmp_path / "built")
    assert (ran.code, ran.out.split("\n")[:2]) == (0, ["images     1", "  quay.io/org/app:1"])
    told = json.loads(run("inspect", tmp_path / "built", "--json").out)
    assert [image["reference"] for image in told["images"]] == ["quay.io/org/app:1"]
    assert run("keygen", tmp_path / "k").code == 0
    ran = run("inspect", tmp_path / "built", "--key", tmp_path / "k.pub")
    assert (ran.code, "only bundles are signed" in ran.err) == (3, True)
    assert "oci-layout is missing" in run("inspect", tmp_path).err


@pytest.mark.parametrize("command", ["inspect", "verify"])
@pytest.mark.parametrize(("mode", "is_open"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_key_that_others_can_read_is_told(run, tmp_path: Path, command, mode, is_open) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "secret.tar"
    write(sample(), path, extras=[("airgap/tls.key", b"key")])
    path.chmod(mode)
    ran = run(command, path)
    assert ran.code == 0
    told = f"others on this host can read {path}, and it holds the registry's private key"
    assert (told in ran.err) == is_open


def test_a_bundle_without_a_key_may_be_read_by_all(run, bundle: Path) -> None:  # type: ignore[no-untyped-def]
    bundle.chmod(0o644)
    assert "can read" not in run("verify", bundle).err


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (["pack", "{images}", "--images-only", "--platform", "linux"], "--platform"),
        (["pack", "{images}", "--images-only", "--registry-mirror", "foo"], "--registry-mirror"),
        (["pack", "{images}", "--kind", "/bin/true", "--node-image", "foo:!"], "--node-image"),
        (["push", "{bundle}", "https://registry"], "REGISTRY"),
        (["export", "{bundle}", "-o", "{out}", "--platform", "linux"], "--platform"),
        (["serve", "{bundle}", "--listen", "5000"], "--listen"),
    ],
)
def test_a_value_of_a_form_that_it_cannot_have_is_wrong_usage(
    run,
    arguments: list[str],
    option: str,
    tmp_path: Path,  # type: ignore[no-untyped-def]
) -> None:
    names = {name: tmp_path / name for name in ("images", "bundle", "out")}
    names["images"].write_text("nginx:1.27\n")
    write(sample(), names["bundle"])
    ran = run(*(argument.format(**names) for argument in arguments))
    assert ran.code == 2
    assert f"Invalid value for {option}" in ran.err


def test_keys_may_be_called_as_a_folder_is(run, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / "review").mkdir()
    assert run("keygen", str(tmp_path / "review")).code == 0
    assert (tmp_path / "review.pub").exists()
