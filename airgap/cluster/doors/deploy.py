"""The registry's objects put into a cluster, and waited for."""

import base64
import secrets
from collections.abc import Iterable
from dataclasses import replace

from airgap.certificates.values import Tls
from airgap.cluster.doors.login import READERS_KEY, READING_KEY, Login
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube, Object
from airgap.cluster.site import Site
from airgap.errors import ClusterError

_WORKLOAD = ("Deployment", "Service")
_DOORS = ("ConfigMap", *_WORKLOAD)
_SECONDS = 300


def put_secret(kube: Kube, tls: Tls) -> tuple[bool, Login]:
    """Keep certificate and password in the cluster; what is there stays.

    Returns whether that changed anything, and what the writing door asks for.
    """
    found = ready.secret(kube, "registry", NAMESPACE)
    known = Login.of_secret(found)
    if known:
        return False, known
    login, http_secret = Login.new(), found.get("http-secret", b"").decode()
    return kube.apply(objects.secret(tls, login, http_secret or secrets.token_hex(32))), login


def guard(kube: Kube, reading: Login | None, writing: Login) -> bool:
    """Keep in the cluster what reading needs, None for nothing; tells whether that changed.

    Who may write may read.
    """
    if Login.for_reading(ready.secret(kube, "registry", NAMESPACE)) == reading:
        return False
    values = dict.fromkeys((READING_KEY, READERS_KEY), "")
    if reading:
        readers = reading.htpasswd() + writing.htpasswd()
        values = {READING_KEY: _encoded(reading.password.encode()), READERS_KEY: _encoded(readers)}
    data = {key: text or None for key, text in values.items()}
    kube.merge("Secret", "registry", NAMESPACE, {"data": data})
    return True


def _encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def deploy(found: Site, kube: Kube, parameters: Parameters, *, guarded: bool = False) -> bool:
    """Apply all objects and wait until the registry answers; tells whether anything changed.

    Namespace and Secret are there.

    Raises:
        ClusterError: it does not come up in time.
    """
    claimed = replace(parameters, storage=_claimed(kube) or parameters.storage)
    wanted, clock = objects.render(claimed, guarded=guarded), found.tools.clock
    # A pod that the scheduler cannot place at once waits up to ten seconds for its next look: so
    # its volume and its node come first.
    changed = _apply(kube, (each for each in wanted if each["kind"] not in _WORKLOAD))
    ready.wait_claim(kube, "registry", NAMESPACE, _SECONDS, clock)
    ready.wait_nodes(kube, len(found.nodes), _SECONDS, clock)
    changed |= _apply(kube, (each for each in wanted if each["kind"] in _WORKLOAD))
    wait(found, kube, parameters, changed=changed)
    return changed


def _claimed(kube: Kube) -> int:
    """Return how many GiB are claimed: Kubernetes changes no claim; 0 where there is none."""
    claim = kube.get("PersistentVolumeClaim", "registry", NAMESPACE) or {"spec": {}}
    text = claim["spec"].get("resources", {}).get("requests", {}).get("storage", "")
    return int(text.removesuffix("Gi")) if text.removesuffix("Gi").isdecimal() else 0


def take_over(found: Site, kube: Kube, parameters: Parameters, *, guarded: bool = False) -> bool:
    """Let a registry that is there have its doors as they are now; tells whether it had not.

    Content, certificate and image stay.

    Raises:
        ClusterError: it does not come up in time.
    """
    deployment = kube.get("Deployment", "registry", NAMESPACE)
    if deployment is None:
        return False
    if objects.has_doors(deployment) and objects.is_guarded(deployment) == guarded:
        return False
    kept = ready.secret(kube, "registry", NAMESPACE)
    put_secret(kube, Tls(kept["ca.crt"], kept["tls.crt"], kept["tls.key"]))
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    wanted = objects.render(parameters, image=image, guarded=guarded)
    _apply(kube, (each for each in wanted if each["kind"] in _DOORS))
    wait(found, kube, parameters, changed=True)
    return True


def wait(found: Site, kube: Kube, parameters: Parameters, *, changed: bool) -> None:
    """Wait until the registry is ready and, where it changed, until every node reaches it.

    Raises:
        ClusterError: it is not in time.
    """
    clock, node = found.tools.clock, found.control_plane.name
    cordoned = ready.is_cordoned(kube, node)
    try:
        ready.wait_deployment(kube, "registry", NAMESPACE, 0 if cordoned else _SECONDS, clock)
    except ClusterError as error:
        if not cordoned:
            raise
        raise ClusterError(
            f"{node} takes no new pods, so the registry cannot start: it was drained or cordoned",
            hint=f"kubectl uncordon {node}, then run the same command again",
        ) from error
    if not changed:
        return
    door = parameters.control_plane, parameters.read_port

    def state() -> str:
        blind = [node.name for node in found.nodes if not node.reaches(*door)]
        return f"not reached by {', '.join(blind)}" if blind else ""

    look = f"kubectl -n {NAMESPACE} describe service registry"
    ready.wait(f"port {parameters.read_port} of the nodes", state, _SECONDS, look, clock)


def _apply(kube: Kube, wanted: Iterable[Object]) -> bool:
    changed = False
    for each in wanted:
        changed |= kube.apply(each)
    return changed
