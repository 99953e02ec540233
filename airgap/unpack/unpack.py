"""unpack: from a bundle file to a kind cluster whose own registry serves every image.

The work is a list of steps. Each is idempotent: it says what it did, or that it was done
already; a second run does nothing, an interrupted one goes on. A cluster that this run made is
removed when a step fails; one that existed is never touched beyond airgap's own objects.
"""

import json
import secrets
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from airgap.bundle.certificate import carried_tls
from airgap.bundle.docker_archive import docker_archive
from airgap.bundle.reader import Bundle
from airgap.certificates.make import issue
from airgap.certificates.prove import covers
from airgap.certificates.values import Tls
from airgap.cluster import kind as kind_config
from airgap.cluster import mirrors as trust
from airgap.cluster import objects as manifests
from airgap.cluster import preflight
from airgap.cluster.docker import Engine
from airgap.cluster.kind import Kind
from airgap.cluster.kube import Kube
from airgap.cluster.node import Node
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.site import BUNDLES
from airgap.errors import AirgapError, ClusterError, InputError, ResourceError
from airgap.oci.image import unique
from airgap.progress import Progress, count
from airgap.registry.options import Options as RegistryOptions
from airgap.targets.registry import RegistryTarget
from airgap.transfer.push import Report, push

ALREADY = "already there"
_WORKLOAD = ("Deployment", "Service")
_NODES_SECONDS = 300
_REGISTRY_SECONDS = 300
_SMOKE_SECONDS = 120
_KIND = "airgap/bin/kind"
_MARKER = "/kind/airgap-created"
"""Written into the control-plane node once kind has finished: without it, a cluster of ours is
half-made and may be made again."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to unpack.

    Attributes:
        cluster_name: instead of the bundle's.
        host_port: instead of the bundle's: where the registry answers on this host.
        workers: instead of the bundle's number of worker nodes.
        retain: keep a cluster that this run made also when a step fails.
        smoke_test: run one pod from the registry at the end.
        kubeconfig: the file that gets the cluster's access; None for kubectl's default.
        verify_first: prove the whole file before anything is changed.
        kind_patch: a kind configuration to merge into the rendered one.
        kind: a kind binary instead of the bundle's.
        environment: this process's, for docker and kind.
    """

    cluster_name: str | None = None
    host_port: int | None = None
    workers: int | None = None
    retain: bool = False
    smoke_test: bool = True
    kubeconfig: Path | None = None
    verify_first: bool = False
    kind_patch: Path | None = None
    kind: Path | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Result:
    """What unpack did: the receipt."""

    bundle: Path
    digest: str
    cluster: str
    registry: str
    created: bool
    images: int
    steps: Sequence[tuple[str, str]]
    push: Report
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the receipt as ``unpack --json`` prints it."""
        return {
            "bundle": str(self.bundle),
            "digest": self.digest,
            "cluster": self.cluster,
            "registry": self.registry,
            "created": self.created,
            "images": self.images,
            "steps": [{"step": title, "outcome": outcome} for title, outcome in self.steps],
            "push": self.push.to_json(),
            "seconds": round(self.seconds, 3),
        }


def unpack(bundle: Bundle, options: Options, progress: Progress) -> Result:
    """Bring up a cluster that serves every image of ``bundle``.

    Raises:
        InputError: the bundle is damaged, or lacks what a new cluster needs.
        TrustError: the certificate in it does not hold.
        ResourceError: this host lacks something; all findings are named at once.
        ClusterError: kind, Kubernetes or the registry failed.
    """
    begun = time.monotonic()
    with _private_folder() as folder:
        run = _Run(bundle, options, progress, folder)
        outcomes = _perform(run, progress)
    return Result(
        bundle=bundle.path,
        digest=str(bundle.digest),
        cluster=run.parameters.cluster_name,
        registry=run.endpoint,
        created=run.created,
        images=len(bundle.images),
        steps=outcomes,
        push=run.report,
        seconds=time.monotonic() - begun,
    )


def _perform(run: "_Run", progress: Progress) -> list[tuple[str, str]]:
    """Do the steps; on failure tell how far it came, and remove what this run made."""
    outcomes: list[tuple[str, str]] = []
    steps = run.steps()
    try:
        for title, step in steps:
            progress.step(title)
            outcome = step()
            outcomes.append((title, outcome))
            progress.note(outcome)
    except BaseException:
        done = ", ".join(title.lower() for title, _ in outcomes) or "nothing"
        left = ", ".join(title.lower() for title, _ in steps[len(outcomes) :])
        progress.warn(f"done before the failure: {done}")
        progress.warn(f"not done: {left}")
        run.undo()
        raise
    return outcomes


@contextmanager
def _private_folder() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="airgap-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class _Run:
    """What one run knows; each step is a method that returns its outcome in words."""

    def __init__(self, bundle: Bundle, options: Options, progress: Progress, folder: Path) -> None:
        self.bundle, self.options, self.progress, self.folder = bundle, options, progress, folder
        self._members = {member.name for member in bundle.members()}
        self.packed = _packed(bundle)
        self.parameters = _override(self.packed, options)
        self.created = self.exists = False
        self.report = Report()
        self.engine: Engine
        self.kind: Kind
        self.kube: Kube
        self.nodes: list[Node] = []
        self.tls: Tls

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the plan."""
        return [
            *([("Prove the whole bundle", self.prove)] if self.options.verify_first else []),
            ("Check this host", self.check_host),
            ("Load the node image into docker", self.load_node_image),
            ("Create the cluster", self.create_cluster),
            ("Put the registry image on its node", self.import_registry),
            ("Make the nodes trust the registry", self.trust_nodes),
            ("Start the registry", self.start_registry),
            ("Push the images", self.push_images),
            ("Record what landed", self.record),
            *([("Run a pod from the registry", self.smoke)] if self.options.smoke_test else []),
        ]

    @property
    def endpoint(self) -> str:
        """Where this host reaches the registry."""
        return f"localhost:{self.parameters.host_port}"

    def prove(self) -> str:
        """Read every byte before anything is changed."""
        self.bundle.verify(self.progress)
        return "every byte is as its digest says"

    def check_host(self) -> str:
        """Find everything that would stop a later step."""
        self.engine = Engine.connect(self.options.environment)
        self.kind = Kind(self._kind_binary(), self.engine.environment)
        self.progress.detail(f"kind {self.kind.version()}")
        name = self.parameters.cluster_name
        self.exists = name in self.kind.clusters()
        if not self.exists and self.bundle.node is None:
            raise InputError(
                f"{self.bundle.path} holds images only: it cannot bring up a cluster",
                hint="name an airgap cluster with --cluster-name, or use airgap push",
            )
        if self.exists and self._half_made():
            self.progress.note(f"the cluster {name} was left half-made: it is made again")
            self.kind.delete(name, self.options.kubeconfig)
            self.exists = False
        if self.exists:
            self._adopt()
        self._raise_findings(preflight.check(self.engine.info(), self._needs()))
        return "nothing stands in the way"

    def load_node_image(self) -> str:
        """Load the node image under a name made of its digest."""
        name, image = self.parameters.node_image, self.bundle.node
        if self.exists or image is None or self.engine.has_image(name):
            return ALREADY
        self.engine.load_image(name, docker_archive(self.bundle, image, 0, name))
        return f"as {name}"

    def create_cluster(self) -> str:
        """Let kind make the cluster, or take the one that exists."""
        name, outcome = self.parameters.cluster_name, ALREADY
        if not self.exists:
            self._create(name)
            outcome = f"{name}: {count(len(self.parameters.nodes), 'node')}"
        self.nodes = self.engine.nodes(name)
        if not self.exists:
            self.nodes[0].write_file(_MARKER, b"")
        self.kube = Kube(self.kind.kubeconfig(name), self.folder)
        if self.exists:
            self.kube.wait_nodes(len(self.nodes), _NODES_SECONDS)
        for node in self.nodes:
            if warning := node.containerd_warning():
                self.progress.warn(warning)
        self._check_owner()
        return outcome

    def import_registry(self) -> str:
        """Import the registry image where the registry runs."""
        name, image, node = self.parameters.registry_image, self.bundle.registry, self.nodes[0]
        if image is None or node.has_image(name):
            return ALREADY
        node.import_image(name, docker_archive(self.bundle, image, 0, name))
        return f"as {name} on {node.name}"

    def trust_nodes(self) -> str:
        """Choose the CA, and write it and the names into every node."""
        self.tls = self._tls()
        wanted = trust.files(
            sorted({image.reference.host for image in self.bundle.images}),
            self.parameters,
            [node.name for node in self.nodes],
            self.parameters.host_port,
        )
        written = sum(trust.trust_node(node, wanted, self.tls.ca_pem) for node in self.nodes)
        return (
            f"{count(written, 'file')} written on {count(len(self.nodes), 'node')}"
            if written
            else ALREADY
        )

    def start_registry(self) -> str:
        """Apply the registry's objects and wait until it answers."""
        changed: list[str] = []
        if self.bundle.registry is not None:
            self.nodes[0].prepare_storage()
            namespace, *rest = manifests.render(self.parameters)
            changed += self.kube.apply([namespace])
            if not self.kube.secret("registry", NAMESPACE):
                changed += self.kube.apply([manifests.secret(self.tls, secrets.token_hex(32))])
            # A pod that the scheduler cannot place at once waits up to ten seconds for its next
            # look: so its volume and its node come first.
            changed += self.kube.apply([each for each in rest if each["kind"] not in _WORKLOAD])
            self.kube.wait_claim("registry", NAMESPACE, _REGISTRY_SECONDS)
            self.kube.wait_nodes(len(self.nodes), _NODES_SECONDS)
            changed += self.kube.apply([each for each in rest if each["kind"] in _WORKLOAD])
        self.kube.wait_deployment("registry", NAMESPACE, _REGISTRY_SECONDS)
        return f"it answers at {self.endpoint}" if changed else ALREADY

    def push_images(self) -> str:
        """Push what is missing."""
        options = RegistryOptions(ca_pem=self.tls.ca_pem, tries=8)
        with RegistryTarget(self.endpoint, options, self.progress, scheme="https") as target:
            self.report = push(
                self.bundle.images, self.bundle, target, self.progress, short_names=True
            )
        return self.report.summary()

    def record(self) -> str:
        """Note the bundle, and where the registry is, for whoever asks the cluster."""
        key = f"sha256-{self.bundle.digest.hex}"
        known = self.kube.config_map(BUNDLES, NAMESPACE)
        entry = {
            "name": self.bundle.table.name,
            "serial": self.bundle.table.serial,
            "parameters": self.parameters.to_json(),
            "references": [str(image.reference) for image in self.bundle.images],
        }
        known[key] = json.dumps(entry, sort_keys=True)
        changed = self.kube.apply([_map(BUNDLES, NAMESPACE, known), _hosting(self.endpoint)])
        return f"in ConfigMap {NAMESPACE}/{BUNDLES}" if changed else ALREADY

    def smoke(self) -> str:
        """Run one image on every node, pulled under its usual name."""
        image = next((i for i in self.bundle.images if i.images and i.images[0].is_image), None)
        if image is None:
            return "no image to run"
        said = [
            f"{node.name}: {self.kube.smoke_pod(str(image.reference), node.name, _SMOKE_SECONDS)}"
            for node in self.nodes
        ]
        return f"{image.reference.familiar} pulled and started ({', '.join(said)})"

    def undo(self) -> None:
        """Remove the cluster if this run made it."""
        name = self.parameters.cluster_name
        if not self.created:
            return
        if self.options.retain:
            self.progress.warn(f"the cluster {name} is kept, as asked for with --retain")
            return
        self.progress.warn(f"the cluster {name} that this run made is removed")
        try:
            self.kind.delete(name, self.options.kubeconfig)
        except AirgapError as error:
            self.progress.warn(f"that failed: {error.message}")

    def _create(self, name: str) -> None:
        configuration = kind_config.config(self.parameters)
        if self.options.kind_patch:
            patch = kind_config.load_patch(self.options.kind_patch)
            configuration = kind_config.patched(configuration, patch)
        self.created = True
        self.kind.create(name, configuration, self.options.kubeconfig, self.folder)

    def _kind_binary(self) -> Path:
        """Take the kind that was asked for, the bundle's, or the installed one."""
        if self.options.kind:
            return self.options.kind
        if _KIND in self._members:
            path = self.folder / "kind"
            self.bundle.copy_member(_KIND, path, 0o700)
            return path
        found = shutil.which("kind", path=self.options.environment.get("PATH"))
        if not found:
            raise ResourceError(
                "kind is neither in the bundle nor on PATH", hint="name its file with --kind"
            )
        return Path(found)

    def _half_made(self) -> bool:
        """Tell whether an earlier run of ours was killed while kind was at work."""
        nodes = self.engine.nodes(self.parameters.cluster_name)
        ours = all(node.image.startswith("airgap/node:") for node in nodes)
        if not nodes or not ours:
            return False
        return nodes[0].running and nodes[0].read_file(_MARKER) is None

    def _adopt(self) -> None:
        """Take the ports and the workers of a cluster that exists."""
        nodes = self.engine.nodes(self.parameters.cluster_name)
        stopped = [node.name for node in nodes if not node.running]
        if not nodes or stopped:
            raise ClusterError(
                f"the cluster {self.parameters.cluster_name} does not run:"
                f" {', '.join(stopped) or 'it has no nodes'}",
                hint=f"airgap up --cluster-name {self.parameters.cluster_name} starts them"
                if stopped
                else "choose another --cluster-name",
            )
        port = nodes[0].ports.get(self.parameters.node_port)
        if port is None:
            raise ClusterError(
                f"the cluster {self.parameters.cluster_name} does not publish port"
                f" {self.parameters.node_port} of {nodes[0].name} on this host",
                hint="choose another --cluster-name, or make the cluster with extraPortMappings",
            )
        self.parameters = replace(self.parameters, host_port=port, workers=len(nodes) - 1)

    def _check_owner(self) -> None:
        """Refuse a namespace ``registry`` that somebody else made."""
        found = self.kube.get("Namespace", NAMESPACE)
        labels = (found or {}).get("metadata", {}).get("labels", {})
        if found and labels.get("app.kubernetes.io/managed-by") != "airgap":
            raise ClusterError(
                f"the cluster {self.parameters.cluster_name} has a namespace {NAMESPACE}"
                " that is not airgap's",
                hint="choose another --cluster-name",
            )
        if found is None and self.bundle.registry is None:
            raise ClusterError(
                f"the cluster {self.parameters.cluster_name} has no registry of airgap's,"
                " and this bundle carries none",
                hint="unpack a bundle that was packed without --images-only first",
            )

    def _tls(self) -> Tls:
        """Take the cluster's certificate, else the bundle's, else make one."""
        found = self.kube.secret("registry", NAMESPACE)
        if found:
            return Tls(found["ca.crt"], found["tls.crt"], found["tls.key"])
        names = self.parameters.names
        carried = carried_tls(self.bundle)
        if carried:
            lacking = covers(carried.cert_pem, names)
            if not lacking:
                return carried
            self.progress.warn(
                f"the bundle's certificate is not for {', '.join(lacking)}: a new CA is made here"
            )
        return issue(names)

    def _needs(self) -> preflight.Needs:
        node = self.bundle.node
        blobs = (blob for image in self.bundle.images for blob in image.blobs)
        return preflight.Needs(
            parameters=self.parameters,
            architecture=node.platforms[0].architecture if node and node.platforms else "",
            node_bytes=node.size if node else 0,
            image_bytes=sum(blob.size for blob in unique(blobs)),
            new_cluster=not self.exists,
        )

    def _raise_findings(self, findings: Sequence[preflight.Finding]) -> None:
        for finding in findings:
            if not finding.fatal:
                self.progress.warn(f"{finding.problem}; {finding.remedy}")
        fatal = [finding for finding in findings if finding.fatal]
        if fatal:
            raise ResourceError(
                "\n".join(finding.problem for finding in fatal),
                hint="; ".join(finding.remedy for finding in fatal),
            )


def _packed(bundle: Bundle) -> Parameters | None:
    """Read the parameters, and prove that the bundle's manifests are what they say."""
    if bundle.node is None or bundle.registry is None:
        return None
    parameters = Parameters.from_json(bundle.table.parameters)
    manifests.check_yaml(bundle.member("airgap/registry.yaml"), parameters)
    for digest, image in (
        (parameters.node_digest, bundle.node), (parameters.registry_digest, bundle.registry),
    ):  # fmt: skip
        if digest != str(image.root.digest):
            raise InputError(
                f"{bundle.path}: its parameters name {digest}, and it carries {image.root.digest}",
                hint="do not use this bundle; ask who made it",
            )
    return parameters


def _override(packed: Parameters | None, options: Options) -> Parameters:
    parameters = packed or Parameters("sha256:" + "0" * 64, "sha256:" + "0" * 64)
    return replace(
        parameters,
        cluster_name=options.cluster_name or parameters.cluster_name,
        host_port=options.host_port or parameters.host_port,
        workers=parameters.workers if options.workers is None else options.workers,
    )


def _map(name: str, namespace: str, data: Mapping[str, str]) -> manifests.Object:
    labels = {"app.kubernetes.io/managed-by": "airgap"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "data": dict(data),
    }


def _hosting(endpoint: str) -> manifests.Object:
    """Announce the registry to tools that look for one (KEP-1755)."""
    text = f'host: "{endpoint}"\nhelp: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n'
    return _map("local-registry-hosting", "kube-public", {"localRegistryHosting.v1": text})
