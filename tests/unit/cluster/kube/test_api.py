"""The API's client: what it asks, what it makes of the answers, and how long each may take."""

import json
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from airgap.certificates.make import issue
from airgap.cluster.kube.access import Access
from airgap.cluster.kube.api import KubeApi
from airgap.cluster.ports import Clock, Patience, RefusedError
from airgap.errors import ClusterError
from tests.support.faults import Fault, Request
from tests.support.serving import Answer, Server


def test_requests_of_a_quick_look_share_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    from kubernetes import client

    now, given = [100.0], list[float]()

    def answer(*_: object, _request_timeout: tuple[float, float], **__: Any) -> dict[str, Any]:
        assert _request_timeout[0] == _request_timeout[1], "to connect, and for an answer"
        given.append(round(_request_timeout[0], 3))
        now[0] += 3
        return {"items": []}

    patience = Patience.within(7, Clock(now=lambda: now[0]))
    kube = KubeApi(Access("https://127.0.0.1:1", b"", b"", b""), patience)
    monkeypatch.setattr(client.ApiClient, "call_api", staticmethod(answer))
    for _ in range(4):
        kube.list("ConfigMap", "x")
    assert given == [7, 4, 1, 0.1]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_api_that_takes_connections_and_says_nothing_is_given_up(scheme: str) -> None:
    """As one that was stopped: its kernel, or docker's proxy, takes them."""
    tls = issue(["127.0.0.1"])
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        access = Access(url, tls.ca_pem, tls.cert_pem, tls.key_pem)
        kube = KubeApi(access, Patience.within(0.2, Clock()))
        with pytest.raises(ClusterError, match=r"the Kubernetes API does not answer: .*timed out"):
            kube.list("Node")


def test_its_key_is_in_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    tls = issue(["127.0.0.1"])
    kube = KubeApi(Access("https://127.0.0.1:1", *(tls.ca_pem, tls.cert_pem, tls.key_pem)), once())
    with pytest.raises(ClusterError):
        kube.list("Node")
    assert list(tmp_path.iterdir()) == []


def once() -> Patience:
    return replace(Patience(), tries=1)


@dataclass
class Api:
    """An API of objects by their path; each change counts its version up."""

    objects: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: list[tuple[str, str, str, Any]] = field(default_factory=list)

    def answer(self, request: Request, body: bytes) -> Answer:
        url = urlsplit(request.path)
        if request.method != "GET":
            kind = request.headers.get("Content-Type", "")
            told = json.loads(body) if body and body != b"null" else None
            self.bodies.append((f"{request.method} {url.path}", url.query, kind, told))
        if request.method == "POST":
            return self._json(201, {})
        if url.path.endswith("s"):
            return self._json(200, {"items": list(self.objects.values())})
        found = self.objects.get(url.path)
        if request.method == "PATCH" and "apply" in request.headers["Content-Type"]:
            same = found is not None and found["spec"] == told["spec"]
            version = str(int(found["metadata"]["resourceVersion"]) + (not same)) if found else "1"
            found = self.objects[url.path] = told | {"metadata": {"resourceVersion": version}}
        if found is None:
            return self._json(404, {"message": 'configmaps "x" not found'})
        if request.method == "DELETE":
            del self.objects[url.path]
        return self._json(200, found)

    def _json(self, status: int, value: object) -> Answer:
        return Answer(status, {"Content-Type": "application/json"}, json.dumps(value).encode())


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def server(api: Api) -> Iterator[Server]:
    found = Server(api.answer)
    yield found
    found.close()


@pytest.fixture
def kube(server: Server) -> KubeApi:
    return KubeApi(Access(server.url, b"", b"", b""), replace(Patience(), tries=1))


def test_an_object_is_applied_as_a_whole_and_a_second_time_changes_nothing(
    api: Api, kube: KubeApi
) -> None:
    wanted = {"kind": "Deployment", "metadata": {"name": "r", "namespace": "n"}, "spec": 1}
    assert kube.apply(wanted)
    assert not kube.apply(wanted)
    assert kube.apply(wanted | {"spec": 2})
    path = "/apis/apps/v1/namespaces/n/deployments/r"
    asked, query, kind, told = api.bodies[0]
    assert (asked, kind, told) == (f"PATCH {path}", "application/apply-patch+yaml", wanted)
    assert query == "fieldManager=airgap&force=true"
    found = kube.get("Deployment", "r", "n")
    assert found
    assert found["spec"] == 2


def test_what_is_not_there_is_none(api: Api, kube: KubeApi) -> None:
    assert kube.get("ConfigMap", "x", "n") is None
    assert not kube.delete("ConfigMap", "x", "n")
    api.objects["/api/v1/namespaces/n/pods/p"] = {"spec": 1}
    assert kube.delete("Pod", "p", "n", 0)
    assert api.objects == {}
    assert [query for _, query, _, _ in api.bodies] == ["", "gracePeriodSeconds=0"]


def test_lists_labels_and_merges(api: Api, server: Server, kube: KubeApi) -> None:
    api.objects["/api/v1/nodes/a"] = {"metadata": {"name": "a"}}
    assert kube.list("Node", labels="a=b,c=d") == [{"metadata": {"name": "a"}}]
    assert server.requests[0].path == "/api/v1/nodes?labelSelector=a%3Db%2Cc%3Dd"
    kube.merge("Node", "a", "", {"metadata": {"labels": {}}})
    kube.create({"kind": "Namespace", "metadata": {"name": "n"}})
    assert [(asked, kind) for asked, _, kind, _ in api.bodies] == [
        ("PATCH /api/v1/nodes/a", "application/merge-patch+json"),
        ("POST /api/v1/namespaces", "application/json"),
    ]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"kind": "Status", "message": "quota\\nexceeded"}', "quota exceeded"),
        (b"<html>gone</html>", "<html>gone</html>"),
        (b'["no object"]', "no object"),
    ],
)
def test_what_is_refused_is_told_in_the_api_s_words(
    server: Server, kube: KubeApi, body: bytes, words: str
) -> None:
    server.rule = lambda _: Fault(status=403, body=body)
    with pytest.raises(RefusedError, match=r"refused GET /api/v1/namespaces/n/secrets/s") as caught:
        kube.get("Secret", "s", "n")
    assert words in caught.value.message
    assert caught.value.status == 403


def test_an_api_that_is_not_there_is_told(server: Server, kube: KubeApi) -> None:
    server.close()
    with pytest.raises(ClusterError, match="the Kubernetes API does not answer") as caught:
        kube.list("Node")
    assert "airgap up" in caught.value.hint
