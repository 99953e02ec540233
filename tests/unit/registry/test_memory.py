"""The registry in memory keeps the contract of the real ones, and bends as it is told."""

from collections.abc import Iterator

import httpx
import pytest

from tests.contract.suite import Contract
from tests.support.registry import Fault, MemoryRegistry, error, on, quirks
from tests.support.registry.doors import Passwords, Tokens
from tests.support.registry.storage import behind_redirects, ca_pem, tls


class TestContract(Contract):
    @pytest.fixture
    def plain(self) -> Iterator[MemoryRegistry]:
        with MemoryRegistry() as found:
            yield found


@pytest.fixture
def http(registry: MemoryRegistry) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=registry.url) as client:
        yield client


def test_rules_by_method_repository_and_number(
    registry: MemoryRegistry, http: httpx.Client
) -> None:
    registry.content.add_manifest("a/b", b"{}", "x/y", "1")
    registry.content.add_manifest("a/c", b"{}", "x/y", "1")
    registry.rules.append(on(error(503, "DOWN", "later"), method="GET", repository="a/b", times=2))
    answers = [http.get("/v2/a/b/manifests/1") for _ in range(3)]
    assert [a.status_code for a in answers] == [503, 503, 200]
    assert answers[0].json()["errors"][0]["code"] == "DOWN"
    assert http.head("/v2/a/b/manifests/1").status_code == 200
    assert http.get("/v2/a/c/manifests/1").status_code == 200
    assert [r.repository for r in registry.requests] == ["a/b"] * 4 + ["a/c"]
    assert registry.connections == 1
    assert {r.connection for r in registry.requests} == {1}


@pytest.mark.parametrize(
    ("fault", "raises"),
    [
        (Fault(drop=True), httpx.RemoteProtocolError),
        (Fault(drop=True, reset=True), httpx.ReadError),
        (Fault(cut=1), httpx.RemoteProtocolError),
        (Fault(drop_reply=True), httpx.RemoteProtocolError),
    ],
)
def test_connections_that_end(
    registry: MemoryRegistry, http: httpx.Client, fault: Fault, raises: type[Exception]
) -> None:
    registry.rule = on(fault, times=1)
    with pytest.raises(raises):
        http.get("/v2/")
    assert http.get("/v2/").status_code == 200


def test_an_answer_before_the_body_is_read(registry: MemoryRegistry, http: httpx.Client) -> None:
    registry.rule = lambda r: Fault(status=413, early=True) if r.length > 5 else None
    answer = http.put("/v2/a/blobs/uploads/1", content=b"123456")
    assert answer.status_code == 413
    assert answer.headers["Connection"] == "close"


def test_tls_by_our_own_authority() -> None:
    import ssl

    context = ssl.create_default_context(cadata=ca_pem().decode())
    with MemoryRegistry(tls=tls()) as found, httpx.Client(verify=context) as client:
        assert client.get(f"{found.url}/v2/").status_code == 200


def test_tokens_grant_what_was_asked_for(registry: MemoryRegistry, http: httpx.Client) -> None:
    registry.door = tokens = Tokens(registry, uses=1)
    registry.content.add_manifest("a/b", b"{}", "x/y", "1")
    refused = http.get("/v2/a/b/manifests/1")
    assert refused.status_code == 401
    assert 'realm="http://' in refused.headers["WWW-Authenticate"]
    token = http.get("/token?scope=repository:a/b:pull&service=test").json()["token"]
    bearer = {"Authorization": f"Bearer {token}"}
    assert http.post("/v2/a/b/blobs/uploads/", headers=bearer).status_code == 401
    assert http.get("/v2/a/b/manifests/1", headers=bearer).status_code == 401, "used once"
    assert http.get("/token?scope=repository:a:pull%20repository:b:pull").status_code == 400
    assert tokens.scopes == [["repository:a/b:pull"], ["repository:a:pull repository:b:pull"]]


def test_a_challenge_at_the_front_door_alone(registry: MemoryRegistry, http: httpx.Client) -> None:
    registry.door = Passwords({"me": "x"}, anonymous_pull=True, challenges=False, hidden=403)
    refused = http.post("/v2/a/b/blobs/uploads/")
    assert (refused.status_code, "WWW-Authenticate" in refused.headers) == (403, False)
    assert "WWW-Authenticate" in http.get("/v2/").headers
    assert http.get("/v2/a/b/manifests/1").status_code == 404
    assert http.post("/v2/a/b/blobs/uploads/", auth=("me", "x")).status_code == 202


def test_projects_and_repositories_that_are_made_first(
    registry: MemoryRegistry, http: httpx.Client
) -> None:
    quirks.harbor(registry, "library")
    assert http.post("/v2/apps/a/blobs/uploads/").json()["errors"][0]["code"] == "NOT_FOUND"
    project = {"project_name": "apps"}
    made = [http.post("/api/v2.0/projects", json=project).status_code for _ in range(2)]
    assert made == [201, 409]
    assert http.post("/v2/apps/a/blobs/uploads/").status_code == 202


def test_docker_hub_counts_pulls_and_not_looks(
    registry: MemoryRegistry, http: httpx.Client
) -> None:
    quirks.docker_hub(registry, pulls=1)
    registry.content.add_manifest("library/x", b"{}", "x/y", "1")
    scopes = "scope=repository:library/x:pull&scope=repository:a/b/c:pull,push"
    token = http.get(f"/token?{scopes}").json()["token"]
    http.headers["Authorization"] = f"Bearer {token}"
    path = "/v2/library/x/manifests/1"
    assert http.head(path).headers["ratelimit-remaining"] == "1;w=21600"
    assert [http.get(path).status_code for _ in range(2)] == [200, 429]
    assert http.post("/v2/a/b/c/blobs/uploads/").json()["errors"][0]["code"] == "NAME_INVALID"
    del http.headers["Authorization"]
    other = http.get("/token?scope=repository:library/gone:pull").json()["token"]
    http.headers["Authorization"] = f"Bearer {other}"
    assert http.get("/v2/library/gone/manifests/1").status_code == 401


def test_gitlab_reads_a_fallback_tag_as_the_digest(
    registry: MemoryRegistry, http: httpx.Client
) -> None:
    quirks.gitlab(registry)
    digest = registry.content.add_manifest("a/b", b"{}", "x/y")
    assert http.get(f"/v2/a/b/manifests/{digest.replace(':', '-')}").content == b"{}"
    assert http.get(f"/v2/a/b/referrers/{digest}").status_code == 404
    orphan = b'{"subject": {"digest": "sha256:0"}}'
    assert http.put("/v2/a/b/manifests/2", content=orphan).status_code == 400


@pytest.mark.parametrize(
    ("quirk", "name", "status"),
    [
        (lambda r: quirks.ecr(r, "there"), "other", 404),
        (lambda r: quirks.artifactory(r, "docker-local"), "other/x", 404),
        (quirks.openshift, "a/b/c", 404),
        (quirks.openshift, "a/b", 202),
        (lambda r: quirks.ecr(r, "there"), "there", 202),
    ],
)
def test_names_that_are_not_taken(
    registry: MemoryRegistry, http: httpx.Client, quirk, name: str, status: int
) -> None:  # type: ignore[no-untyped-def]
    quirk(registry)
    assert http.post(f"/v2/{name}/blobs/uploads/").status_code == status


def test_manifests_that_are_not_taken(registry: MemoryRegistry, http: httpx.Client) -> None:
    quirks.ecr(registry, "a", immutable=True)
    assert http.put("/v2/a/manifests/1", content=b"{}").status_code == 201
    again = http.put("/v2/a/manifests/1", content=b"{}")
    assert (again.status_code, again.json()["errors"][0]["code"]) == (400, "TAG_INVALID")
    assert http.put("/v2/a/manifests/2", content=b'{"subject": {}}').status_code == 405
    registry.looks.clear()
    quirks.oci_only(registry)
    docker = {"Content-Type": "application/vnd.docker.distribution.manifest.v2+json"}
    assert http.put("/v2/a/manifests/3", content=b"{}", headers=docker).status_code == 415
    registry.looks.clear()
    quirks.nexus(registry)
    index = {"Content-Type": "application/vnd.oci.image.index.v1+json"}
    body = b'{"manifests": [{"digest": "sha256:0"}]}'
    answer = http.put("/v2/a/manifests/4", content=body, headers=index)
    assert answer.json()["errors"][0]["code"] == "MANIFEST_INVALID"


def test_signed_addresses_expire() -> None:
    with behind_redirects() as (registry, storage), httpx.Client() as http:
        digest = registry.content.add_blob("a", b"x")
        storage.uses = 1
        url = http.get(f"{registry.url}/v2/a/blobs/{digest}").headers["Location"]
        assert url.startswith(storage.server.url)
        answers = [http.get(url) for _ in range(2)]
        assert [a.status_code for a in answers] == [200, 403]
        assert b"<Code>AccessDenied" in answers[1].content


def test_referrers_where_there_is_that_api(registry: MemoryRegistry, http: httpx.Client) -> None:
    registry.referrers = True
    body = b'{"subject": {"digest": "sha256:1"}, "artifactType": "a/b"}'
    digest = registry.content.add_manifest("a", body, "x/y")
    found = http.get("/v2/a/referrers/sha256:1").json()["manifests"]
    assert [(f["digest"], f["artifactType"]) for f in found] == [(digest, "a/b")]
