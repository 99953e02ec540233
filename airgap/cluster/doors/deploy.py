"""The registry's objects put into a cluster, and waited for."""

import secrets
from collections.abc import Iterable

from airgap.certificates.values import Tls
from airgap.cluster.doors.login import Login
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube, Object
from airgap.cluster.site import Site

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


def deploy(found: Site, kube: Kube, parameters: Parameters) -> bool:
    """Apply all objects and wait until the registry answers; tells whether anything changed.

    Namespace and Secret are there.

    Raises:
        ClusterError: it does not come up in time.
    """
    wanted, clock = objects.render(parameters), found.tools.clock
    # A pod that the scheduler cannot place at once waits up to ten seconds for its next look: so
    # its volume and its node come first.
    changed = _apply(kube, (each for each in wanted if each["kind"] not in _WORKLOAD))
    ready.wait_claim(kube, "registry", NAMESPACE, _SECONDS, clock)
    ready.wait_nodes(kube, len(found.nodes), _SECONDS, clock)
    changed |= _apply(kube, (each for each in wanted if each["kind"] in _WORKLOAD))
    wait(found, kube, parameters, changed=changed)
    return changed


def take_over(found: Site, kube: Kube, parameters: Parameters) -> bool:
    """Give a registry of a release before its doors; tells whether it had to.

    Content, certificate and image stay.

    Raises:
        ClusterError: it does not come up in time.
    """
    deployment = kube.get("Deployment", "registry", NAMESPACE)
    if deployment is None:
        return False
    containers = deployment["spec"]["template"]["spec"]["containers"]
    if objects.has_doors(deployment):
        return False
    kept = ready.secret(kube, "registry", NAMESPACE)
    put_secret(kube, Tls(kept["ca.crt"], kept["tls.crt"], kept["tls.key"]))
    wanted = objects.render(parameters, image=containers[0]["image"])
    _apply(kube, (each for each in wanted if each["kind"] in _DOORS))
    wait(found, kube, parameters, changed=True)
    return True


def wait(found: Site, kube: Kube, parameters: Parameters, *, changed: bool) -> None:
    """Wait until the registry is ready and, where it changed, until every node reaches it.

    Raises:
        ClusterError: it is not in time.
    """
    clock = found.tools.clock
    ready.wait_deployment(kube, "registry", NAMESPACE, _SECONDS, clock)
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
