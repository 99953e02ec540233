"""A docker daemon in memory, behind a real socket: what airgap asks of one, and nothing else."""

import base64
import json
import re
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

Json = dict[str, Any]
_VERSIONED = re.compile(r"/v1\.\d+")


@dataclass
class Dockerd:
    """What the daemon has.

    Attributes:
        containers: by name, as ``docker inspect`` shows them.
        files: tars by container's name and path, each with the size that docker says it has.
        images: ids by name; ``used`` are those that a container uses.
        networks: by name, with the containers in each.
        volumes: by name, with the one label that each has.
        components: what the daemon is made of, by ``docker version``.
        inspected: what more is said of images, by name.
        exports: tars of images by name.
        info: what more is said of the daemon.
        loads: lines that a load is answered with.
        refuses: what is answered instead to a method and path, as status and words.
        asked: what changed something, in order.
    """

    containers: dict[str, Json] = field(default_factory=dict)
    files: dict[tuple[str, str], tuple[bytes, int]] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    networks: dict[str, list[str]] = field(default_factory=dict)
    volumes: dict[str, str] = field(default_factory=dict)
    components: list[str] = field(default_factory=list)
    inspected: dict[str, Json] = field(default_factory=dict)
    exports: dict[str, bytes] = field(default_factory=dict)
    info: Json = field(default_factory=dict)
    loads: list[Json] = field(default_factory=list)
    refuses: dict[str, tuple[int, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def container(
        self, name: str, cluster: str = "kind", role: str = "control-plane", **more: Any
    ) -> Json:
        """Have a container as kind makes it."""
        labels = {"io.x-k8s.kind.cluster": cluster, "io.x-k8s.kind.role": role}
        made: Json = {
            "Id": f"id-of-{name}",
            "Name": f"/{name}",
            "Image": "sha256:1234",
            "Config": {"Labels": labels, "Image": "kindest/node:v1"},
            "State": {"Status": "running"},
            "HostConfig": {},
        }
        self.containers[name] = made | more
        return self.containers[name]

    def answer(self, method: str, path: str, query: dict[str, list[str]]) -> tuple[int, Any, Json]:
        """Return status, body and further headers."""
        if refused := self.refuses.get(f"{method} {path}"):
            return refused[0], {"message": refused[1]}, {}
        if method != "GET":
            self.asked.append(f"{method} {path}")
        match path.strip("/").split("/"):
            case ["_ping"]:
                return 200, b"OK", {}
            case ["version"]:
                parts = [{"Name": name} for name in self.components]
                return 200, {"ApiVersion": "1.44", "Components": parts}, {}
            case ["info"]:
                return 200, {"ID": "one", "DockerRootDir": "/var/lib/docker"} | self.info, {}
            case ["containers", "json"]:
                wanted = json.loads(query["filters"][0])["label"]
                return 200, [{"Id": c["Id"]} for c in self._labelled(wanted)], {}
            case ["containers", found, *rest]:
                return self._of_container(method, found, rest, query)
            case ["images", "load"]:
                lines = (json.dumps(line).encode() for line in self.loads)
                # In pieces, as docker does: its client reads lines from nothing else.
                said = b"".join(b"%x\r\n%s\r\n" % (len(line), line) for line in lines)
                return 200, said + b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}
            case ["images", *names, "get"]:
                self.asked.append(f"{method} {path}")
                return 200, self.exports["/".join(names)], {}
            case ["images", *names]:
                return self._of_image(method, "/".join(names).removesuffix("/json"))
            case ["volumes", *rest]:
                return self._of_volume(method, rest)
            case ["networks", *rest]:
                return self._of_network(method, rest)
        return 404, {"message": f"page not found: {path}"}, {}

    def _labelled(self, wanted: list[str]) -> Iterator[Json]:
        for found in self.containers.values():
            labels = found["Config"]["Labels"]
            pairs = (text.partition("=") for text in wanted)
            if all(key in labels and value in ("", labels[key]) for key, _, value in pairs):
                yield found

    def _of_container(
        self, method: str, name: str, rest: list[str], query: dict[str, list[str]]
    ) -> tuple[int, Any, Json]:
        known = {name for name, c in self.containers.items() for name in (name, c["Id"])}
        if name not in known:
            return 404, {"message": f"No such container: {name}"}, {}
        found = next(c for n, c in self.containers.items() if name in (n, c["Id"]))
        if rest == ["archive"]:
            there = self.files.get((found["Name"][1:], query["path"][0]))
            if there is None:
                return 404, {"message": "Could not find the file"}, {}
            facts = base64.b64encode(json.dumps({"size": there[1]}).encode()).decode()
            return 200, there[0], {"X-Docker-Container-Path-Stat": facts}
        if method == "DELETE":
            del self.containers[found["Name"][1:]]
        return (200, found, {}) if rest == ["json"] else (204, b"", {})

    def _of_image(self, method: str, name: str) -> tuple[int, Any, Json]:
        if name not in self.images:
            return 404, {"message": f"No such image: {name}"}, {}
        if method == "GET":
            return 200, {"Id": self.images[name]} | self.inspected.get(name, {}), {}
        if name in self.used:
            return 409, {"message": "conflict: a container uses it"}, {}
        del self.images[name]
        return 200, [], {}

    def _of_volume(self, method: str, rest: list[str]) -> tuple[int, Any, Json]:
        if not rest:
            listed = [{"Name": n, "Labels": {label: "true"}} for n, label in self.volumes.items()]
            return 200, {"Volumes": listed}, {}
        del self.volumes[rest[0]]
        return 204, b"", {}

    def _of_network(self, method: str, rest: list[str]) -> tuple[int, Any, Json]:
        if not rest:
            return 200, [{"Id": name, "Name": name} for name in self.networks], {}
        (name,) = rest
        if name not in self.networks:
            return 404, {"message": f"network {name} not found"}, {}
        if method == "DELETE":
            del self.networks[name]
            return 204, b"", {}
        inside: Json = {container: {} for container in self.networks[name]}
        return 200, {"Id": name, "Name": name, "Containers": inside}, {}


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    docker: Dockerd


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def _answer(self) -> None:
        url = urlsplit(self.path)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        else:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = _VERSIONED.sub("", url.path, count=1)
        status, body, more = self.server.docker.answer(self.command, path, parse_qs(url.query))
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        length = {} if "Transfer-Encoding" in more else {"Content-Length": len(data)}
        for name, value in (length | more).items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running(folder: Path) -> Iterator[Dockerd]:
    """Run a daemon at ``docker.sock`` of a folder."""
    with _Server(str(folder / "docker.sock"), _Handler) as server:
        server.docker = Dockerd()
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server.docker
        finally:
            server.shutdown()
            thread.join()
