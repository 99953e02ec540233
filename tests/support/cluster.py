"""A host in memory: docker, kind and Kubernetes as airgap sees them through its ports."""

import base64
import contextlib
import copy
import hashlib
import io
import json
import subprocess
import tarfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from airgap.cluster import mark, store
from airgap.cluster.docker.node import Node, State
from airgap.cluster.docker.provider import DOCKER, Provider
from airgap.cluster.kube.access import Access
from airgap.cluster.mark import Mark
from airgap.cluster.ports import Clock, Engine, Kube, Object, Patience, Tools
from airgap.errors import ClusterError, ResourceError

ADMIN = "/etc/kubernetes/admin.conf"
API_PORT = 6443


class FakeClock:
    """A clock that a sleep moves on at once; ``during`` is called at each sleep."""

    def __init__(self) -> None:
        self.time = 0.0
        self.during: Callable[[], None] = lambda: None

    def clock(self) -> Clock:
        return Clock(lambda: self.time, self.sleep)

    def sleep(self, seconds: float) -> None:
        self.time += seconds
        self.during()


@dataclass
class Machine:
    """What a node's container holds, whatever becomes of it."""

    files: dict[str, bytes] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    made_from: dict[tuple[str, str], str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    free: int = 10**12
    warning: str | None = None
    blind: bool = False
    fetching: Callable[[], str] = lambda: ""
    volume: Path | None = None


@dataclass(frozen=True)
class FakeNode(Node):
    """A node whose files are a dictionary."""

    machine: Machine = field(default_factory=Machine)

    def run(self, *arguments: str, stdin: Any = b"", seconds: float = 0) -> bytes:
        """Run what looks at the registry's content, for real, on a folder of this host."""
        assert arguments[-1] == store.ROOT, f"no command is expected: {arguments}"
        command = [*arguments[:-1], str(self._inside().volume or "/nowhere")]
        return subprocess.run(command, input=stdin, check=True, capture_output=True).stdout

    def _inside(self) -> Machine:
        if not self.running:
            raise ClusterError(f"docker exec {self.name}: the container does not run")
        return self.machine

    def read_file(self, path: str) -> bytes | None:
        return self._inside().files.get(path)

    def write_file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._inside().files[path] = content

    def digests(self, folder: str) -> dict[str, str]:
        files = self._inside().files.items()
        return {p: hashlib.sha256(c).hexdigest() for p, c in files if p.startswith(f"{folder}/")}

    def write_files(self, files: Mapping[str, bytes], mode: int = 0o644) -> None:
        self._inside().files.update(files)

    def files_with(self, folder: str, text: str) -> list[str]:
        files = self._inside().files.items()
        return [p for p, c in files if p.startswith(f"{folder}/") and text.encode() in c]

    def remove_files(self, paths: Iterable[str]) -> None:
        for path in paths:
            self._inside().files.pop(path)

    def has_image(self, name: str, digest: str) -> bool:
        return self._inside().images.get(name) == digest

    def import_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        with tarfile.open(fileobj=io.BytesIO(b"".join(map(bytes, chunks)))) as tar:
            index = tar.extractfile("index.json")
            assert index
            (entry,) = json.load(index)["manifests"]
        self._inside().images[entry["annotations"]["io.containerd.image.name"]] = entry["digest"]

    def remove_images(self, repository: str) -> list[str]:
        names = (f"{repository}:", f"{repository}@")
        found = sorted(n for n in self._inside().images if n.startswith(names))
        for name in found:
            del self.machine.images[name]
        return found

    def containers(self, namespace: str) -> dict[tuple[str, str], str]:
        return self._inside().made_from

    def fetching(self) -> str:
        return self._inside().fetching()

    def reaches(self, host: str, port: int) -> bool:
        return self.running and not self.machine.blind

    def prepare_storage(self) -> None:
        self._inside().folders.add("storage")

    def remove_folder(self, path: str) -> bool:
        there = "storage" in self._inside().folders
        self.machine.folders.discard("storage")
        return there

    def free_space(self) -> int:
        return self._inside().free

    def containerd_warning(self) -> str | None:
        return self._inside().warning


class FakeEngine:
    """A docker daemon; ``broken`` names methods that fail, ``log`` what was changed."""

    def __init__(self, environment: Mapping[str, str] | None = None) -> None:
        self.environment: Mapping[str, str] = environment or {}
        self.provider: Provider = DOCKER
        self.volumes: dict[str, str] = {}
        self.found: dict[str, list[FakeNode]] = {}
        self.images: dict[str, str] = {}
        self.networks: set[str] = set()
        self.facts: dict[str, Any] = {"ID": f"fake-{id(self)}", "DockerRootDir": "/"}
        self.broken: dict[str, str] = {}
        self.log: list[str] = []

    def _do(self, what: str, name: str = "") -> None:
        reason = self.broken.get(f"{what} {name}") or self.broken.get(what)
        if reason:
            raise ResourceError(reason)
        self.log.append(f"{what} {name}".strip())

    def info(self) -> dict[str, Any]:
        self._do("info")
        return self.facts

    def image_id(self, name: str) -> str:
        return self.images.get(name, "")

    def load_image(self, name: str, chunks: Iterable[bytes | memoryview]) -> None:
        self._do("load", name)
        with tarfile.open(fileobj=io.BytesIO(b"".join(map(bytes, chunks)))) as tar:
            listed = tar.extractfile("manifest.json")
            assert listed
            (entry,) = json.load(listed)
        assert entry["RepoTags"] == [name]
        self.images[name] = "sha256:" + entry["Config"].rpartition("/")[2]

    def remove_image(self, name: str) -> bool:
        self._do("remove image", name)
        used = any(node.image == name for nodes in self.found.values() for node in nodes)
        if used or name not in self.images:
            return False
        del self.images[name]
        return True

    def nodes(self, cluster: str) -> list[Node]:
        if reason := self.broken.get("nodes"):
            raise ResourceError(reason)
        return list(self.found.get(cluster, []))

    def clusters(self) -> list[str]:
        return sorted(name for name, nodes in self.found.items() if nodes)

    def _set(self, node: Node, state: State) -> None:
        for name, nodes in self.found.items():
            self.found[name] = [
                replace(n, state=state) if n.name == node.name else n for n in nodes
            ]

    def start(self, node: Node) -> None:
        self._do("unpause" if node.state is State.PAUSED else "start", node.name)
        self._set(node, State.RUNNING)

    def stop(self, name: str, state: State = State.STOPPED) -> None:
        self._set(FakeNode(name), state)

    def remove(self, node: Node) -> None:
        self._do("remove", node.name)
        for name, nodes in self.found.items():
            self.found[name] = [n for n in nodes if n.name != node.name]

    def remove_volumes(self, cluster: str) -> list[str]:
        self._do("remove volumes", cluster)
        nodes = {node.name for nodes in self.found.values() for node in nodes}
        gone = [v for v, of in self.volumes.items() if of not in nodes and of.startswith(cluster)]
        for volume in gone:
            del self.volumes[volume]
        return gone

    def read(self, node: Node, path: str) -> bytes | None:
        self._do("read")
        assert isinstance(node, FakeNode)
        return node.machine.files.get(path)

    def network(self, name: str) -> bool:
        return name in self.networks

    def remove_empty_network(self, name: str) -> bool:
        self._do("remove network", name)
        if name not in self.networks or self.clusters():
            return False
        self.networks.discard(name)
        return True


class FakeKube:
    """The API of a cluster: objects by kind, namespace and name; what is applied is ready."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.broken: dict[str, ClusterError] = {}
        self.calls: list[str] = []
        self.pod_state: dict[str, Any] = {"running": {}}
        self.numbers = iter(range(1, 1000))
        self.after: Callable[[], None] = lambda: None

    def _do(self, verb: str, kind: str, name: str = "") -> None:
        self.calls.append(f"{verb} {kind} {name}".strip())
        for key in (f"{verb} {kind} {name}", f"{verb} {kind}", verb, "*"):
            if key in self.broken:
                raise self.broken[key]

    def put(self, wanted: Object, **more: Any) -> None:
        metadata = wanted["metadata"]
        key = (wanted["kind"], metadata.get("namespace", ""), metadata["name"])
        self.objects[key] = copy.deepcopy(wanted) | more

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        self._do("get", kind, name)
        return self.objects.get((kind, namespace, name))

    def list(self, kind: str, namespace: str = "", labels: str = "") -> Sequence[Object]:
        self._do("list", kind)
        wanted = dict(each.split("=") for each in labels.split(",") if each)
        return [
            found
            for (found_kind, found_namespace, _), found in self.objects.items()
            if found_kind == kind and (not namespace or found_namespace == namespace)
            if wanted.items() <= (found["metadata"].get("labels") or {}).items()
        ]

    def apply(self, wanted: Object) -> bool:
        kind, metadata = wanted["kind"], wanted["metadata"]
        self._do("apply", kind, metadata["name"])
        key = (kind, metadata.get("namespace", ""), metadata["name"])
        before = self.objects.get(key)
        ready: dict[str, Any] = {}
        if kind == "PersistentVolumeClaim":
            ready = {"status": {"phase": "Bound"}}
        if kind == "Deployment":
            counts = dict.fromkeys(("replicas", "readyReplicas", "updatedReplicas"), 1)
            ready = {"status": {"observedGeneration": 1, **counts}}
        self.put(wanted, **ready)
        changed = before is None or before != self.objects[key]
        if kind == "Deployment" and changed:
            for pod in self.pods(wanted["spec"]["selector"]["matchLabels"]):
                del self.objects["Pod", key[1], pod["metadata"]["name"]]
        self._control()
        return changed

    def create(self, wanted: Object) -> None:
        self._do("create", wanted["kind"], wanted["metadata"]["name"])
        self.put(wanted, status={"containerStatuses": [{"state": self.pod_state}]})

    def merge(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any]) -> None:
        self._do("merge", kind, name)
        found = self.objects.get((kind, namespace, name))
        if found is not None:
            _merge(found, patch)
        self._control()

    def pods(self, labels: Mapping[str, str]) -> Sequence[Object]:
        """The pods that have labels."""
        return [
            found
            for (kind, _, _), found in self.objects.items()
            if kind == "Pod" and labels.items() <= found["metadata"]["labels"].items()
        ]

    def served(self) -> Sequence[bytes]:
        """The certificates of the pods to which the Service leads."""
        service = self.objects.get(("Service", "registry", "registry"))
        if service is None:
            return []
        return [pod["certificate"] for pod in self.pods(service["spec"]["selector"])]

    def _control(self) -> None:
        """Have one pod of each Deployment, which took the certificate as it is."""
        for (kind, namespace, _), found in tuple(self.objects.items()):
            if kind != "Deployment" or "selector" not in found["spec"]:
                continue
            if not self.pods(found["spec"]["selector"]["matchLabels"]):
                self._pod(found, namespace)
        self.after()

    def _pod(self, deployment: Object, namespace: str) -> None:
        template = deployment["spec"]["template"]
        labels = dict(template["metadata"]["labels"])
        name = f"{deployment['metadata']['name']}-{next(self.numbers)}"
        secret = self.objects.get(("Secret", "registry", "registry"))
        certificate = base64.b64decode(secret["data"]["tls.crt"]) if secret else b""
        status = {
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [
                {"name": each["name"], "imageID": each["image"], "state": {"running": {}}}
                for each in template["spec"]["containers"]
            ],
        }
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        pod = {"kind": "Pod", "metadata": metadata, "status": status, "certificate": certificate}
        self.objects["Pod", namespace, name] = pod

    def delete(self, kind: str, name: str, namespace: str = "", grace: int | None = None) -> bool:
        self._do("delete", kind, name)
        gone = self.objects.pop((kind, namespace, name), None)
        if kind == "Namespace":
            for key in [key for key in self.objects if key[1] == name]:
                del self.objects[key]
        self._control()
        return gone is not None

    def node(self, name: str, *, ready: bool = True) -> None:
        condition = {"type": "Ready", "status": str(ready)}
        status = {"conditions": [condition], "nodeInfo": {"kubeletVersion": "v1.33.1"}}
        self.put({"kind": "Node", "metadata": {"name": name}, "status": status})


class FakeHost:
    """A host with docker, on which kind works; ``tools`` reach it."""

    def __init__(self) -> None:
        self.engine = FakeEngine()
        self.kubes: dict[str, FakeKube] = {}
        self.clock = FakeClock()
        self.ports = iter(range(40000, 50000))
        self.kind_fails: str | None = None
        self.kind_makes = True
        self.reaches_nodes = True
        self.turns = iter(range(10**6))
        self.during_create: Callable[[], None] = lambda: None
        self.tools = Tools(
            engine=self._engine, kind=lambda binary, environment: self, kube=self._kube,
            reach=self._reach, clock=self.clock.clock(),
        )  # fmt: skip

    def _engine(self, environment: Mapping[str, str], patience: Patience) -> Engine:
        return self.engine

    def _kube(self, access: Access, patience: Patience) -> Kube:
        return self.kubes[access.server]

    def _reach(self, address: str, port: int, name: str, ca_pem: bytes) -> bool:
        """One connection; where the Service leads to several pods, they take turns."""
        if address != "127.0.0.1" and not self.reaches_nodes:
            return False
        for nodes in self.engine.found.values():
            if address in (n.address for n in nodes) or port in nodes[0].ports.values():
                served = self.kube_of(nodes[0].name.removesuffix("-control-plane")).served()
                return bool(served) and vouches(ca_pem, served[next(self.turns) % len(served)])
        return False

    def version(self) -> str:
        return "v0.0.0"

    def create(self, name: str, configuration: Mapping[str, Any], folder: Path) -> None:
        """As kind does: nodes one after the other, and all of them left where it fails."""
        if self.engine.nodes(name):
            raise ClusterError(f"kind: node(s) already exist for a cluster with the name {name!r}")
        if self.kind_makes:
            self.cluster(name, configuration["nodes"])
        self.during_create()
        if self.kind_fails:
            raise ClusterError(self.kind_fails)

    def cluster(
        self, name: str, nodes: Sequence[Mapping[str, Any]] = ({"role": "control-plane"},),
        *, finished: bool = False,
    ) -> FakeKube:  # fmt: skip
        """Make a cluster, as kind does by hand."""
        port, kube = next(self.ports), FakeKube()
        for number, node in enumerate(nodes):
            mapped = {m["containerPort"]: m["hostPort"] for m in node.get("extraPortMappings", [])}
            binds = [
                f"{m['hostPath']}:{m['containerPath']}:ro" for m in node.get("extraMounts", [])
            ]
            machine = Machine({} if number else {ADMIN: admin_conf(name)})
            if finished and not number:
                machine.files[mark.FINISHED] = b""
            role = str(node["role"])
            last = role if number < 2 else f"{role}{number}"
            made = FakeNode(
                f"{name}-{last}", id=f"{name}-{last}-{port}", role=role, machine=machine,
                image=(image := node.get("image", "kindest/node:v1")),
                image_id=self.engine.image_id(image), mark=Mark.of_binds(binds),
                ports={API_PORT: port, **mapped} if not number else {},
                address=f"172.18.0.{number + 2}",
            )  # fmt: skip
            self.engine.found.setdefault(name, []).append(made)
            kube.node(made.name)
        self.engine.networks.add("kind")
        self.kubes[f"https://127.0.0.1:{port}"] = kube
        return kube

    def kube_of(self, name: str) -> FakeKube:
        port = self.engine.found[name][0].ports[API_PORT]
        return self.kubes[f"https://127.0.0.1:{port}"]


def vouches(ca_pem: bytes, cert_pem: bytes) -> bool:
    """Whether one of the first is the second, or signed it."""
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature

    served = x509.load_pem_x509_certificate(cert_pem)
    for known in x509.load_pem_x509_certificates(ca_pem):
        if known == served:
            return True
        with contextlib.suppress(ValueError, TypeError, InvalidSignature):
            served.verify_directly_issued_by(known)
            return True
    return False


def _merge(found: dict[str, Any], patch: Mapping[str, Any]) -> None:
    """Merge as RFC 7386 says."""
    for key, value in patch.items():
        if isinstance(value, Mapping):
            _merge(found.setdefault(key, {}), value)
        elif value is None:
            found.pop(key, None)
        else:
            found[key] = value


@cache
def admin_conf(name: str) -> bytes:
    """What kubeadm writes; the CA is told apart by the cluster's name."""

    def encoded(text: str) -> str:
        return base64.b64encode(text.encode()).decode()

    cluster = {"certificate-authority-data": encoded(f"CA of {name}"), "server": "https://x:6443"}
    user = {
        "client-certificate-data": encoded(f"certificate of {name}"),
        "client-key-data": encoded(f"key of {name}"),
    }
    value = {"clusters": [{"cluster": cluster}], "users": [{"user": user}]}
    return yaml.safe_dump(value).encode()


def config_map(name: str, namespace: str, **data: Any) -> Object:
    """A ConfigMap that somebody else wrote."""
    texts = {key: json.dumps(value) for key, value in data.items()}
    metadata = {"name": name, "namespace": namespace, "labels": {}}
    return {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": texts}


class Told:
    """A Progress that remembers all it was told."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.notes: list[str] = []
        self.warnings: list[str] = []

    def step(self, title: str) -> None:
        self.steps.append(title)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def detail(self, text: str) -> None:
        """Not remembered."""

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    def start(self, what: str, total: int) -> None:
        """Not remembered."""

    def advance(self, count: int) -> None:
        """Not remembered."""

    def finish(self) -> None:
        """Not remembered."""
