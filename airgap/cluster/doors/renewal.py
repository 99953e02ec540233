"""A change of the registry's certificate in a cluster that runs, without a pull that fails.

What is under way stands in the registry's Secret, so an interrupted change goes on. Meanwhile
``ca.crt`` holds both CAs: whoever reads it, in this run or another, believes both.
"""

import base64
from collections.abc import Mapping, Sequence

from airgap.certificates.prove import leaf
from airgap.certificates.values import Tls
from airgap.cluster.kube import ready
from airgap.cluster.objects import registry as objects
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Kube, Object
from airgap.cluster.site import Site

_CA, _CERT, _KEY = "next-ca.crt", "next.crt", "next.key"
_FETCH_SECONDS, _READY_SECONDS, _LEAVE_SECONDS = 60, 300, 120
_DRAIN_SECONDS = 600
_SURE = 12
"""So many answers in a row come from one of two pods by chance once in 4,096 times."""
_SETTLE_SECONDS = 10

Secret = Mapping[str, bytes]


def is_under_way(secret: Secret) -> bool:
    """Tell whether a change was begun and has not ended."""
    return _CA in secret


def begin(kube: Kube, secret: Secret, tls: Tls) -> None:
    """Keep a new certificate beside the one that serves, and both CAs for all who ask."""
    known = secret["ca.crt"]
    both = known if tls.ca_pem in known else known.rstrip(b"\n") + b"\n" + tls.ca_pem
    _write(kube, {"ca.crt": both, _CA: tls.ca_pem, _CERT: tls.cert_pem, _KEY: tls.key_pem})


def turn(kube: Kube, secret: Secret) -> None:
    """Let the new certificate be the one that a registry starts with."""
    if _CERT in secret:
        changed = {"tls.crt": secret[_CERT], "tls.key": secret[_KEY]}
        _write(kube, {**changed, _CERT: None, _KEY: None})


def end(kube: Kube, secret: Secret) -> None:
    """Forget the CA before."""
    _write(kube, {"ca.crt": secret[_CA], _CA: None})


def wait_for_fetches(site: Site) -> list[str]:
    """Wait until what nodes are fetching has ended: it was begun with the CA before.

    Returns the nodes that were still at it after a minute.
    """
    clock = site.tools.clock
    stop, busy = clock.now() + _FETCH_SECONDS, {node.name: node for node in site.nodes}
    seen = {name: node.fetching() for name, node in busy.items()}
    while busy and clock.now() < stop:
        clock.sleep(1)
        for name, node in list(busy.items()):
            before, seen[name] = seen[name], node.fetching()
            if seen[name] == before:
                del busy[name]
    return sorted(busy)


def hand_over(site: Site, kube: Kube, parameters: Parameters, tls: Tls) -> bool:
    """Put a pod with the new certificate beside the one that serves, and let that go.

    Nothing is refused meanwhile: both get requests, then the new one alone, and the one before
    ends what it has begun to send. Returns False where that was done already.

    Raises:
        ClusterError: the new pod is not ready in time; the one before serves on.
    """
    own, clock = leaf(tls.cert_pem), site.tools.clock
    former = _pods(kube, objects.FORMER)
    if not any(map(_is_open, former)):
        if _serves(site, parameters, own):
            _dismiss(kube, former)
            return False
        for pod in _pods(kube, objects.APP):
            _label(kube, pod, objects.FORMER)
    look = f"kubectl -n {NAMESPACE} describe pods"
    ready.wait("the registry's new pod", lambda: _lacks(kube), _READY_SECONDS, look, clock)
    former = _pods(kube, objects.FORMER)
    for pod in former:
        _label(kube, pod, dict.fromkeys(objects.OPEN))
    _wait_for_service(site, parameters, own, tls.ca_pem)
    _dismiss(kube, former)
    return True


def _dismiss(kube: Kube, pods: Sequence[Object]) -> None:
    """Let pods end what they have begun to send, and go."""
    for pod in pods:
        kube.delete("Pod", pod["metadata"]["name"], NAMESPACE, grace=_DRAIN_SECONDS)


def _wait_for_service(site: Site, parameters: Parameters, own: bytes, ca_pem: bytes) -> None:
    """Wait until nobody is led to a pod that has left the Service."""
    clock, reach = site.tools.clock, site.tools.reach
    door, name = parameters.read_port, parameters.control_plane
    clock.sleep(_SETTLE_SECONDS)
    # Where this host does not reach the nodes (Docker Desktop), its own port stands for them.
    addresses = [node.address for node in site.nodes if node.address]
    reached = [address for address in addresses if reach(address, door, name, ca_pem)]

    def state() -> str:
        sure = all(reach(address, door, name, own) for address in reached for _ in range(_SURE))
        sure = sure and _serves(site, parameters, own)
        return "" if sure else "it leads to the pod before"

    look = f"kubectl -n {NAMESPACE} describe service registry"
    ready.wait("the registry's Service", state, _LEAVE_SECONDS, look, clock)


def _serves(site: Site, parameters: Parameters, own: bytes) -> bool:
    """Tell whether all who answer at this host's port have a certificate."""
    port = site.control_plane.ports.get(parameters.node_port, parameters.host_port)
    return all(site.tools.reach("127.0.0.1", port, "localhost", own) for _ in range(_SURE))


def _lacks(kube: Kube) -> str:
    """Say what the new pod waits for."""
    found = list(filter(_is_open, _pods(kube, objects.APP)))
    if any(ready.is_true(pod, "Ready") for pod in found):
        return ""
    return "; ".join(map(ready.container_state, found)) or "it is not there yet"


def _pods(kube: Kube, labels: Mapping[str, str]) -> Sequence[Object]:
    """Return the pods with labels that are not on their way out."""
    selector = ",".join(f"{key}={value}" for key, value in labels.items())
    found = kube.list("Pod", NAMESPACE, selector)
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def _is_open(pod: Object) -> bool:
    return objects.OPEN.items() <= (pod["metadata"].get("labels") or {}).items()


def _label(kube: Kube, pod: Object, labels: Mapping[str, str | None]) -> None:
    kube.merge("Pod", pod["metadata"]["name"], NAMESPACE, {"metadata": {"labels": dict(labels)}})


def _write(kube: Kube, values: Mapping[str, bytes | None]) -> None:
    data = {
        key: None if value is None else base64.b64encode(value).decode()
        for key, value in values.items()
    }
    kube.merge("Secret", "registry", NAMESPACE, {"data": data})
