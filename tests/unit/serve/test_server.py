import errno
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from airgap.certificates.make import issue
from airgap.oci.digest import Digest
from airgap.oci.reference import Reference
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.serve.clients import Clients, Room
from airgap.serve.line import Patience
from airgap.serve.server import Limits, Server
from airgap.serve.tls import server_context
from airgap.sources.layout import Layout
from airgap.sources.registry import RegistrySource
from tests.support.images import Maker
from tests.unit.serve.conftest import Heard
from tests.unit.serve.wire import Wire


def ask(
    server: Server, path: str, method: str = "GET", **headers: str
) -> tuple[http.client.HTTPResponse, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)) as connection:
        connection.request(method, path, headers=headers)
        with connection.getresponse() as response:
            return response, response.read()


def test_our_own_client_pulls_everything(layout: Layout, server: Server) -> None:
    base = f"127.0.0.1:{server.port}"
    with RegistrySource(Options()) as source:
        for image in layout.images:
            tag = image.reference.tag
            reference = Reference.parse(f"{base}/{image.reference.repository}:{tag}")
            root, body = source.resolve(reference)
            assert (root, body) == (image.root, layout.manifest_bytes(image.root.digest))
            for blob in image.blobs:
                content = bytearray()
                source.fetch(reference, blob, content.extend)
                assert Digest.of(bytes(content)) == blob.digest
        short, _ = source.resolve(Reference.parse(f"{base}/nginx:1.27"))
        assert short == layout.images[0].root


def test_a_short_name_that_two_claim_is_not_served(server: Server) -> None:
    response, body = ask(server, "/v2/org/app/manifests/1")
    assert response.status == 404
    assert json.loads(body)["errors"][0]["code"] == "NAME_UNKNOWN"


def test_a_mirror_of_docker_hub(layout: Layout, server: Server) -> None:
    response, body = ask(server, "/v2/library/nginx/manifests/1.27")
    assert response.status == 200
    assert Digest.of(body) == layout.images[0].root.digest
    _, catalog = ask(server, "/v2/_catalog")
    assert "library/nginx" not in json.loads(catalog)["repositories"]


def test_a_mirrored_path_that_others_claim_is_not_served(tmp_path: Path) -> None:
    maker = Maker(tmp_path / "layout")
    for host in ("docker.io", "ghcr.io", "quay.io"):
        maker.image(host.encode(), name=f"{host}/library/nginx:1")
    layout = maker.layout()
    with Server(layout.images, layout, ("127.0.0.1", 0), Silent()) as server:
        assert ask(server, "/v2/library/nginx/manifests/1")[0].status == 404
        assert ask(server, "/v2/nginx/manifests/1")[0].status == 200


def test_a_wrong_blob_is_never_complete(layout: Layout, server: Server) -> None:
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    file = layout.path / "blobs/sha256" / blob.digest.hex
    data = bytearray(file.read_bytes())
    data[7] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(http.client.IncompleteRead):
        ask(server, f"/v2/nginx/blobs/{blob.digest}")


def test_a_damaged_manifest_is_an_error_of_the_server(
    layout: Layout, server: Server, heard: Heard
) -> None:
    root = layout.images[0].root.digest
    (layout.path / "blobs/sha256" / root.hex).write_bytes(b"{}")
    for _ in range(3):
        response, body = ask(server, "/v2/nginx/manifests/1.27")
        assert response.status == 500
        assert json.loads(body)["errors"][0]["message"] == "the content is damaged"
    assert len(heard.warnings) == 1  # told once, and counted
    assert str(root) in heard.warnings[0]
    assert server.troubles == 3


@pytest.mark.parametrize("path", ["manifests/1.27", "blobs/DIGEST"])
def test_a_fault_of_ours_is_told(
    layout: Layout, server: Server, heard: Heard, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("nobody thought of it")

    monkeypatch.setattr(layout, "manifest_bytes", broken)
    monkeypatch.setattr(layout, "place", broken)
    asked = path.replace("DIGEST", str(layout.images[0].blobs[0].digest))
    with Wire(server.port) as wire:
        for _ in range(2):
            got = wire.ask(f"/v2/nginx/{asked}")
            assert (got.status, got.code) == (500, "UNKNOWN")
            assert b"nobody" not in got.body
    assert heard.warnings == ["a fault in airgap: KeyError: 'nobody thought of it'"]
    assert any("Traceback" in text for text in heard.details)
    assert server.troubles == 2


def test_a_client_that_leaves_is_no_trouble(layout: Layout, server: Server, heard: Heard) -> None:
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    for _ in range(5):
        with Wire(server.port) as wire:
            wire.send(f"GET /v2/nginx/blobs/{blob.digest} HTTP/1.1", "Host: x")
            wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert ask(server, "/v2/")[0].status == 200
    assert (server.troubles, heard.warnings) == (0, [])


def test_many_clients_at_once_get_every_byte(layout: Layout, server: Server) -> None:
    """200 connections that are all open at once, each with requests of every kind."""
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    content = b"".join(map(bytes, layout.chunks(blob)))
    manifest = layout.manifest_bytes(layout.images[0].root.digest)
    together = threading.Barrier(200)

    def client(number: int) -> int:
        with Wire(server.port) as wire:
            together.wait(60)
            right = wire.ask("/v2/nginx/manifests/1.27").body == manifest
            right += wire.ask(f"/v2/nginx/blobs/{blob.digest}").body == content
            asked = f"bytes={number}-{number + 70_000}"
            part = wire.ask(f"/v2/nginx/blobs/{blob.digest}", Range=asked)
            return right + (part.body == content[number : number + 70_001])

    with ThreadPoolExecutor(200) as pool:
        assert list(pool.map(client, range(200))) == [3] * 200
    assert server.troubles == 0


def test_more_clients_than_may_be(layout: Layout, heard: Heard) -> None:
    """Who waits without a word goes, and who asks is answered."""
    limits = Limits(Room(places=4, grace=0))
    with (
        Server(layout.images, layout, ("127.0.0.1", 0), heard, limits=limits) as server,
        ExitStack() as stack,
    ):
        silent = [stack.enter_context(Wire(server.port)) for _ in range(8)]
        for _ in range(4):
            with Wire(server.port) as wire:
                assert wire.ask("/v2/").status == 200
        assert all(wire.ends() for wire in silent[:4])


class Tired:
    """A listener of a host that has nothing left for a while."""

    def __init__(self, listener: socket.socket, refusals: list[int]) -> None:
        self._listener, self._refusals = listener, refusals

    def accept(self) -> tuple[socket.socket, tuple[str, int]]:
        if self._refusals:
            code = self._refusals.pop()
            raise OSError(code, os.strerror(code))
        return self._listener.accept()

    def __getattr__(self, name: str) -> object:
        return getattr(self._listener, name)


def test_a_host_with_nothing_left_is_asked_again_once_somebody_has_gone(
    layout: Layout, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(Clients, "relieve", lambda _, seconds: waits.append(seconds))
    refusals = [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED]
    server = Server(layout.images, layout, ("127.0.0.1", 0), heard)
    monkeypatch.setattr(server, "_listener", Tired(server._listener, refusals))
    with server, Wire(server.port) as wire:
        assert wire.ask("/v2/").status == 200
    assert waits == [1] * 4, "a client that gave up costs no wait"


def test_a_server_ends_although_clients_are_connected(layout: Layout, heard: Heard) -> None:
    with Server(layout.images, layout, ("127.0.0.1", 0), heard) as server:
        idle, asking = Wire(server.port), Wire(server.port)
        assert asking.ask("/v2/").status == 200
    with idle, asking:
        assert idle.ends()
        assert asking.ends()


def test_tls_and_ipv6(layout: Layout) -> None:
    tls = issue(["localhost", "::1"])
    context = server_context(tls)
    with Server(layout.images, layout, ("::1", 0), Silent(), context) as server:
        trusting = ssl.create_default_context(cadata=tls.ca_pem.decode())
        connection = http.client.HTTPSConnection("::1", server.port, context=trusting, timeout=10)
        connection.request("GET", "/v2/")
        with closing(connection), connection.getresponse() as response:
            assert response.status == 200


def test_a_blob_over_tls(layout: Layout, heard: Heard) -> None:
    tls = issue(["localhost"])
    blob = max(layout.images[0].blobs, key=lambda b: b.size)
    address = ("127.0.0.1", 0)
    with Server(layout.images, layout, address, heard, server_context(tls)) as server:
        trusting = ssl.create_default_context(cadata=tls.ca_pem.decode())
        connection = http.client.HTTPSConnection("localhost", server.port, context=trusting)
        with closing(connection):
            for _ in range(2):
                connection.request("GET", f"/v2/nginx/blobs/{blob.digest}")
                with connection.getresponse() as response:
                    assert Digest.of(response.read()) == blob.digest
    assert server.troubles == 0


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-AES256-SHA384"])
def test_tls_without_authenticated_encryption_is_refused(layout: Layout, cipher: str) -> None:
    tls = issue(["localhost"])
    address = ("127.0.0.1", 0)
    with Server(layout.images, layout, address, Silent(), server_context(tls)) as server:
        trusting = ssl.create_default_context(cadata=tls.ca_pem.decode())
        trusting.maximum_version = ssl.TLSVersion.TLSv1_2
        trusting.set_ciphers(cipher)
        with (
            socket.create_connection(("127.0.0.1", server.port), timeout=10) as plain,
            pytest.raises(ssl.SSLError),
        ):
            trusting.wrap_socket(plain, server_hostname="localhost")


def test_plain_http_at_an_address_of_tls(layout: Layout, heard: Heard) -> None:
    tls = server_context(issue(["localhost"]))
    with (
        Server(layout.images, layout, ("127.0.0.1", 0), heard, tls) as server,
        Wire(server.port) as wire,
    ):
        got = wire.ask("/v2/")
    assert got.status == 400
    assert "https://" in got.json["errors"][0]["message"]


def test_who_never_shakes_hands_goes(layout: Layout, heard: Heard) -> None:
    tls = server_context(issue(["localhost"]))
    limits = Limits(patience=Patience(head=0.1))
    with (
        Server(layout.images, layout, ("127.0.0.1", 0), heard, tls, limits) as server,
        Wire(server.port) as wire,
    ):
        assert wire.ends()


@pytest.mark.needs("skopeo")
def test_skopeo_pulls(server: Server, tmp_path: Path) -> None:
    source = f"docker://127.0.0.1:{server.port}/quay.io/org/app:1"
    command = ["skopeo", "copy", "--all", "--src-tls-verify=false", source, f"dir:{tmp_path}/copy"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    assert len(list((tmp_path / "copy").iterdir())) > 5
