"""What is waited for: nodes, a claim, a Deployment, the pods of it."""

import base64
import time
from collections.abc import Callable, Sequence

from airgap.cluster.ports import Clock, Kube, Object
from airgap.errors import ClusterError

_POLL_SECONDS = 0.5
_ASKED = "airgap/asked-to-bind"


def config_map(kube: Kube, name: str, namespace: str) -> dict[str, str]:
    """Return a ConfigMap's data, empty where it does not exist."""
    found = kube.get("ConfigMap", name, namespace) or {}
    return dict(found.get("data") or {})


def secret(kube: Kube, name: str, namespace: str) -> dict[str, bytes]:
    """Return a Secret's data, decoded, empty where it does not exist."""
    found = kube.get("Secret", name, namespace) or {}
    return {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}


def nodes(kube: Kube) -> dict[str, bool]:
    """Return the nodes by name, and whether each is ready."""
    return {item["metadata"]["name"]: is_true(item, "Ready") for item in kube.list("Node")}


def version(kube: Kube, node: str) -> str:
    """Return the version of Kubernetes that a node runs, empty where it does not say."""
    status = (kube.get("Node", node) or {}).get("status") or {}
    return str((status.get("nodeInfo") or {}).get("kubeletVersion") or "")


def is_cordoned(kube: Kube, node: str) -> bool:
    """Tell whether a node takes no new pods, since somebody said so or drained it."""
    found = kube.get("Node", node) or {}
    return bool((found.get("spec") or {}).get("unschedulable"))


def is_true(item: Object, condition: str) -> bool:
    """Tell whether a condition of an object holds."""
    conditions = item.get("status", {}).get("conditions") or []
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def wait(what: str, state: Callable[[], str], seconds: float, look: str, clock: Clock) -> None:
    """Wait until ``state`` says nothing.

    Args:
        what: is waited for, in words.
        state: says what is still missing.
        seconds: how long; with 0 it is asked once.
        look: a command that tells more.
        clock: what the wait goes by.

    Raises:
        ClusterError: something is missing still; carries what ``state`` said last.
    """
    end = clock.now() + seconds
    while left := state():
        if clock.now() >= end:
            raise ClusterError(
                f"{what}: not ready after {seconds:.0f} s ({left})", hint=f"look at: {look}"
            )
        clock.sleep(_POLL_SECONDS)


def wait_nodes(kube: Kube, count: int, seconds: float, clock: Clock) -> None:
    """Wait until the API answers and ``count`` nodes are ready.

    Raises:
        ClusterError: they are not in time.
    """

    def state() -> str:
        try:
            found = nodes(kube)
        except ClusterError as error:
            return error.message
        waiting = sorted(name for name, is_ready in found.items() if not is_ready)
        if len(found) < count:
            return f"{len(found)} of {count} nodes joined"
        return f"not ready: {', '.join(waiting)}" if waiting else ""

    wait("the nodes", state, seconds, "kubectl describe nodes", clock)


def wait_claim(kube: Kube, name: str, namespace: str, seconds: float, clock: Clock) -> None:
    """Wait until a PersistentVolumeClaim is bound to its volume.

    The controller that binds overlooks what was made while it was starting, and looks again
    every 15 seconds only; a claim that changes it looks at immediately.

    Raises:
        ClusterError: it is not bound in time.
    """

    def state() -> str:
        found = kube.get("PersistentVolumeClaim", name, namespace) or {}
        if found.get("status", {}).get("phase") == "Bound":
            return ""
        asked = {"metadata": {"annotations": {_ASKED: str(time.time_ns())}}}
        kube.merge("PersistentVolumeClaim", name, namespace, asked)
        return "it is not bound to its volume"

    look = f"kubectl -n {namespace} describe pvc"
    wait(f"PersistentVolumeClaim {name}", state, seconds, look, clock)


def wait_deployment(kube: Kube, name: str, namespace: str, seconds: float, clock: Clock) -> None:
    """Wait until a Deployment's pods of its newest revision are ready.

    Raises:
        ClusterError: they are not in time; carries what its pods wait for.
    """

    def state() -> str:
        found = kube.get("Deployment", name, namespace)
        if found is None:
            return "it is not there"
        if _is_current(found):
            wanted = found.get("spec", {}).get("replicas", 1)
            replicas = found.get("status", {}).get("replicas", 0)
            return "" if replicas == wanted else "an old pod still runs"
        return _pods_wait_for(kube, namespace, name) or "its pod is not ready yet"

    look = f"kubectl -n {namespace} describe pods"
    wait(f"Deployment {name}", state, seconds, look, clock)


def wait_gone(
    kube: Kube, names: Sequence[str], namespace: str, seconds: float, clock: Clock
) -> None:
    """Wait until pods are gone.

    Raises:
        ClusterError: one is there still.
    """

    def state() -> str:
        return ", ".join(name for name in names if kube.get("Pod", name, namespace))

    wait("pods to leave", state, seconds, f"kubectl -n {namespace} get pods", clock)


def container_state(pod: Object) -> str:
    """Say in words what a pod's first container does."""
    statuses = pod.get("status", {}).get("containerStatuses") or []
    state = statuses[0].get("state", {}) if statuses else {}
    if "running" in state:
        return "running"
    if "terminated" in state:
        ended = state["terminated"]
        if ended.get("reason") in ("StartError", "ContainerCannotRun"):
            return f"pulled, but could not start ({ended.get('message', '').strip()[:200]})"
        return f"ended with {ended.get('exitCode')}"
    waiting = state.get("waiting", {})
    reason, message = waiting.get("reason", ""), waiting.get("message", "")
    if reason == "CrashLoopBackOff":
        return "ended and is started again"
    if reason:
        return f"{reason}: {message}" if message else reason
    conditions = pod.get("status", {}).get("conditions", [])
    held = [c.get("message", "") for c in conditions if c.get("status") == "False"]
    return "; ".join(filter(None, held)) or str(pod.get("status", {}).get("phase", "not there"))


def _is_current(deployment: Object) -> bool:
    """Tell whether enough pods of the newest revision are ready."""
    status, wanted = deployment.get("status", {}), deployment.get("spec", {}).get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= deployment["metadata"].get("generation", 0)
    enough = min(status.get("readyReplicas", 0), status.get("updatedReplicas", 0)) >= wanted
    return bool(seen and enough)


def _pods_wait_for(kube: Kube, namespace: str, app: str) -> str:
    pods = kube.list("Pod", namespace, f"app.kubernetes.io/name={app}")
    return "; ".join(filter(None, map(container_state, pods)))
