"""What runs is held against what bundles brought, whatever it is called."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from airgap.cluster.docker.node import Node
from airgap.cluster.ports import Object
from airgap.cluster.site import Site, landed
from airgap.errors import ClusterError
from airgap.upkeep.status import look
from tests.support.cluster import FakeEngine, FakeKube
from tests.unit.unpack.bundles import Run, cluster_bundle, images_bundle

EVIL = "sha256:" + "ee" * 32


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.with_worker(tmp_path)


def site(run: Run) -> Site:
    return Site.find(run.host.engine, "kind", run.host.tools)


def problems(run: Run) -> list[str]:
    return look(site(run)).problems


def pods(run: Run) -> list[Object]:
    kube: FakeKube = run.host.kube_of("kind")
    return [dict(pod) for pod in kube.pods({"app.kubernetes.io/name": "registry"})]


def test_what_the_bundle_brought_is_its_own(run: Run) -> None:
    (record,) = landed(run.host.kube_of("kind"))
    assert record.parameters.registry_digest in record.registry_ids
    assert record.parameters.node_digest in record.node_ids
    assert len(record.node_ids) == 2, "a manifest and its config"
    assert problems(run) == []


@pytest.mark.parametrize("door", [0, 1])
def test_a_foreign_container_of_the_registry_is_named_and_ended(run: Run, door: int) -> None:
    (pod,) = run.host.kube_of("kind").pods({"app.kubernetes.io/name": "registry"})
    status = pod["status"]["containerStatuses"][door]
    status["imageID"] = f"docker.io/airgap/registry@{EVIL}"
    (problem,) = problems(run)
    assert problem.startswith(f"the container {status['name']} of the registry runs docker.io/")
    assert problem.endswith("which no bundle brought: airgap unpack of a bundle puts it right")
    run()
    assert problems(run) == []
    (again,) = pods(run)
    assert again["metadata"] != pod["metadata"]


def test_a_container_whose_status_has_the_name_alone_is_named_and_ended(run: Run) -> None:
    """The image's name was given away while the container was made, and is right again."""
    machine = run.host.engine.found["kind"][0].machine
    (pod,) = pods(run)
    machine.made_from[str(pod["metadata"]["name"]), "reader"] = EVIL
    (problem,) = problems(run)
    assert problem.startswith(f"the container reader of the registry runs {EVIL}, which no bundle")
    run()
    assert problems(run) == []
    assert pods(run)[0]["metadata"] != pod["metadata"]


def test_a_container_known_by_its_config_is_the_bundle_s(run: Run) -> None:
    (record,) = landed(run.host.kube_of("kind"))
    (pod,) = run.host.kube_of("kind").pods({"app.kubernetes.io/name": "registry"})
    for status in pod["status"]["containerStatuses"]:
        status["imageID"] = record.registry_ids[-1]
    assert problems(run) == []
    for status in pod["status"]["containerStatuses"]:
        status["imageID"] = ""  # not pulled yet
    assert problems(run) == []


def test_a_deployment_that_somebody_changed_is_named_and_put_right(run: Run) -> None:
    deployment = run.host.kube_of("kind").get("Deployment", "registry", "registry")
    assert deployment
    for image in (f"docker.io/airgap/registry@{EVIL}", "docker.io/library/evil:1"):
        deployment["spec"]["template"]["spec"]["containers"][1]["image"] = image
        assert problems(run)[0].startswith(f"the registry is to run {image}, which no bundle")
        run()
        assert problems(run) == []
        deployment = run.host.kube_of("kind").get("Deployment", "registry", "registry")
        assert deployment


@pytest.mark.parametrize("digest", [EVIL, None])
def test_another_image_under_the_name_on_the_node_is_named_and_put_right(
    run: Run, digest: str | None
) -> None:
    machine = run.host.engine.found["kind"][0].machine
    (name,) = [name for name in machine.images if name.startswith("docker.io/airgap/registry@")]
    right = machine.images.pop(name)
    if digest:
        machine.images[name] = digest
    assert problems(run) == [
        f"kind-control-plane does not have {right[:19]} as docker.io/airgap/registry:"
        " airgap unpack of a bundle puts it right"
    ]
    run()
    assert machine.images[name] == right
    assert problems(run) == []


@pytest.mark.parametrize("number", [0, 1])
def test_a_node_that_runs_a_foreign_image_is_named_and_used_by_nothing(
    run: Run, number: int
) -> None:
    node = run.host.engine.found["kind"][number]
    object.__setattr__(node, "image_id", EVIL)
    (problem,) = problems(run)
    assert problem.startswith(f"{node.name} runs {EVIL[:19]}, which is the node image of no bundle")
    before = dict(node.machine.files)
    with pytest.raises(ClusterError, match=r"runs sha256:eeee.*no bundle that landed") as caught:
        run()
    assert "airgap teardown" in caught.value.hint
    assert node.machine.files == before
    run.host.engine.images[EVIL] = landed(run.host.kube_of("kind"))[0].node_ids[0]
    assert problems(run) == [], "docker knows it by two ids"


def test_an_id_that_docker_gave_by_itself_stays_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """containerd's store may give what is loaded a manifest of its own."""
    load = FakeEngine.load_image

    def loaded(engine: FakeEngine, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        load(engine, name, chunks)
        engine.images[name] = EVIL

    monkeypatch.setattr(FakeEngine, "load_image", loaded)
    run = Run(tmp_path)
    cluster_bundle(run.path, workers=1)
    for _ in range(3):
        run()
        assert problems(run) == []


def test_a_node_that_somebody_joined_may_run_what_it_likes(run: Run) -> None:
    nodes = run.host.engine.found["kind"]
    nodes.append(type(nodes[1])("by-hand", image_id=EVIL, machine=nodes[1].machine))
    run.host.kube_of("kind").node("by-hand")
    assert isinstance(nodes[-1], Node)
    assert not [problem for problem in problems(run) if "runs sha256" in problem]


def test_a_bundle_of_images_alone_says_nothing_of_what_runs(run: Run) -> None:
    images_bundle(run.path)
    run()
    assert len(landed(run.host.kube_of("kind"))) == 2
    assert problems(run) == []


def test_another_node_image_in_a_later_bundle_takes_nothing_from_the_first(run: Run) -> None:
    from tests.support.bundles import Content

    content = Content()
    content.simple("nginx:1.28", 2, 3000)
    content.simple("filler:1", 9, 10)
    cluster_bundle(run.path, workers=1, content=content)
    run()
    assert problems(run) == []
