"""kube: the Kubernetes API of the cluster, through the kubernetes package.

Objects are applied server-side (field manager ``airgap``), so that a second apply of the same
object changes nothing and restarts nothing.
"""

import base64
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from airgap.cluster.objects import Object
from airgap.errors import ClusterError

_MANAGER = "airgap"
_CALL_SECONDS = 30
_POLL_SECONDS = 0.5
_PLURALS = {
    "Namespace": "namespaces",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "Deployment": "deployments",
    "Pod": "pods",
}
_ASKED = "airgap/asked-to-bind"
_PULL_FAILED = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull")


class Kube:
    """The API of one cluster.

    Args:
        kubeconfig: access to it, as text; kind writes it.
        folder: a private folder for the key files that the kubernetes package needs.
    """

    def __init__(self, kubeconfig: str, folder: Path) -> None:
        from kubernetes import client, config

        configuration = client.Configuration()
        # The cluster is on this host: a proxy in the environment is not meant for it.
        configuration.proxy = configuration.no_proxy = None
        configuration.retries = 3
        config.load_kube_config_from_dict(
            yaml.safe_load(kubeconfig),
            client_configuration=configuration,
            persist_config=False,
            temp_file_path=str(folder),
        )
        self._api = client.ApiClient(configuration)

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, None where it does not exist."""
        found: Object | None = self._call("GET", _path(kind, name, namespace), missing=True)
        return found

    def apply(self, objects: Sequence[Object]) -> list[str]:
        """Apply objects; returns ``Kind name`` of each that changed."""
        changed = []
        for wanted in objects:
            kind, metadata = wanted["kind"], wanted["metadata"]
            path = _path(kind, metadata["name"], metadata.get("namespace", ""))
            before = self._call("GET", path, missing=True)
            after = self._call(
                "PATCH",
                path,
                body=wanted,
                query=[("fieldManager", _MANAGER), ("force", "true")],
                content_type="application/apply-patch+yaml",
            )
            if before is None or _version(before) != _version(after):
                changed.append(f"{kind} {metadata['name']}")
        return changed

    def delete(self, kind: str, name: str, namespace: str = "") -> None:
        """Delete an object, if it exists, without waiting for what it leaves behind."""
        query = [("gracePeriodSeconds", "0")] if kind == "Pod" else []
        self._call("DELETE", _path(kind, name, namespace), query=query, missing=True)

    def config_map(self, name: str, namespace: str) -> dict[str, str]:
        """Return a ConfigMap's data, empty where it does not exist."""
        found = self.get("ConfigMap", name, namespace) or {}
        return dict(found.get("data") or {})

    def secret(self, name: str, namespace: str) -> dict[str, bytes]:
        """Return a Secret's data, decoded, empty where it does not exist."""
        found = self.get("Secret", name, namespace) or {}
        return {key: base64.b64decode(text) for key, text in (found.get("data") or {}).items()}

    def nodes(self) -> dict[str, bool]:
        """Return the nodes by name, and whether each is ready."""
        found = self._call("GET", "/api/v1/nodes")
        return {item["metadata"]["name"]: _is_true(item, "Ready") for item in found["items"]}

    def wait_nodes(self, count: int, seconds: float) -> None:
        """Wait until the API answers and ``count`` nodes are ready.

        Raises:
            ClusterError: they are not in time.
        """

        def ready() -> str:
            try:
                nodes = self.nodes()
            except ClusterError as error:
                return error.message
            waiting = sorted(name for name, is_ready in nodes.items() if not is_ready)
            if len(nodes) < count:
                return f"{len(nodes)} of {count} nodes joined"
            return f"not ready: {', '.join(waiting)}" if waiting else ""

        self._wait("the nodes", ready, seconds, "kubectl describe nodes")

    def wait_claim(self, name: str, namespace: str, seconds: float) -> None:
        """Wait until a PersistentVolumeClaim is bound to its volume.

        The controller that binds overlooks what was made while it was starting, and looks again
        every 15 seconds only; a claim that changes it looks at immediately.

        Raises:
            ClusterError: it is not bound in time.
        """

        def bound() -> str:
            found = self.get("PersistentVolumeClaim", name, namespace) or {}
            if found.get("status", {}).get("phase") == "Bound":
                return ""
            self._call(
                "PATCH",
                _path("PersistentVolumeClaim", name, namespace),
                body={"metadata": {"annotations": {_ASKED: str(time.time_ns())}}},
                content_type="application/merge-patch+json",
            )
            return "it is not bound to its volume"

        look = f"kubectl -n {namespace} describe pvc"
        self._wait(f"PersistentVolumeClaim {name}", bound, seconds, look)

    def wait_deployment(self, name: str, namespace: str, seconds: float) -> None:
        """Wait until a Deployment's pods of its newest revision are ready.

        Raises:
            ClusterError: they are not in time; carries what its pods wait for.
        """

        def ready() -> str:
            found = self.get("Deployment", name, namespace) or {}
            status, wanted = found.get("status", {}), found.get("spec", {}).get("replicas", 1)
            current = status.get("observedGeneration", 0) >= found["metadata"]["generation"]
            enough = status.get("readyReplicas", 0) >= wanted
            if current and enough and status.get("updatedReplicas", 0) >= wanted:
                return "" if status.get("replicas", 0) == wanted else "an old pod still runs"
            return self._pods_wait_for(namespace, name) or "its pod is not ready yet"

        look = f"kubectl -n {namespace} describe pods"
        self._wait(f"Deployment {name}", ready, seconds, look)

    def smoke_pod(self, image: str, node: str, seconds: float) -> str:
        """Run a pod from ``image`` on ``node``; returns what became of its container.

        The container may end or fail by itself: what counts is that it was pulled and started.

        Raises:
            ClusterError: the image could not be pulled, or nothing started in time.
        """
        name, namespace = f"airgap-smoke-{node}"[:63].rstrip("-."), "default"
        self.delete("Pod", name, namespace)
        self._wait(
            "an earlier smoke pod to leave",
            lambda: "it still runs" if self.get("Pod", name, namespace) else "",
            seconds,
            "kubectl get pods",
        )
        outcome = "did not start"

        def started() -> str:
            nonlocal outcome
            outcome = _container_state(self.get("Pod", name, namespace) or {})
            if outcome.startswith(_PULL_FAILED):
                raise ClusterError(
                    f"the smoke pod cannot pull {image}: {outcome}",
                    hint="airgap status tells which node does not trust the registry",
                )
            return "" if outcome.startswith(("running", "ended", "pulled")) else outcome

        try:
            self._call("POST", _path("Pod", "", namespace), body=_pod(name, image, node))
            self._wait("the smoke pod", started, seconds, f"kubectl describe pod {name}")
        finally:
            self.delete("Pod", name, namespace)
        return outcome

    def _pods_wait_for(self, namespace: str, app: str) -> str:
        selector = [("labelSelector", f"app.kubernetes.io/name={app}")]
        found = self._call("GET", f"/api/v1/namespaces/{namespace}/pods", query=selector)
        return "; ".join(filter(None, map(_container_state, found["items"])))

    def _wait(self, what: str, state: Callable[[], str], seconds: float, look: str) -> None:
        end = time.monotonic() + seconds
        while left := state():
            if time.monotonic() > end:
                raise ClusterError(
                    f"{what}: not ready after {seconds:.0f} s ({left})", hint=f"look at: {look}"
                )
            time.sleep(_POLL_SECONDS)

    def _call(
        self,
        method: str,
        path: str,
        *,
        body: Mapping[str, Any] | None = None,
        query: Sequence[tuple[str, str]] = (),
        content_type: str = "application/json",
        missing: bool = False,
    ) -> Any:
        """Call the API; ``missing`` turns 404 into None."""
        from kubernetes.client import ApiException

        headers = {"Accept": "application/json", "Content-Type": content_type}
        with _translated(f"{method} {path}"):
            try:
                return self._api.call_api(
                    path, method, query_params=list(query), header_params=headers,
                    body=body, response_type="object", auth_settings=["BearerToken"],
                    _return_http_data_only=True, _request_timeout=_CALL_SECONDS,
                )  # fmt: skip
            except ApiException as error:
                if missing and error.status == 404:
                    return None
                raise


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        said = " ".join(str(error.body or error.reason).split())[:300]
        raise ClusterError(
            f"Kubernetes refused {what}: {said}", hint="run again with -v to see each step"
        ) from error
    except (HTTPError, OSError) as error:
        raise ClusterError(
            f"the Kubernetes API does not answer: {' '.join(str(error).split())[:200]}",
            hint="airgap up starts a cluster that was stopped",
        ) from error


def _path(kind: str, name: str, namespace: str) -> str:
    group = "/apis/apps/v1" if kind == "Deployment" else "/api/v1"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{scope}/{_PLURALS[kind]}" + (f"/{name}" if name else "")


def _version(found: Object) -> object:
    return found["metadata"].get("resourceVersion")


def _is_true(item: Object, condition: str) -> bool:
    conditions = item.get("status", {}).get("conditions", [])
    return any(c["type"] == condition and c["status"] == "True" for c in conditions)


def _container_state(pod: Object) -> str:
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


def _pod(name: str, image: str, node: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/managed-by": "airgap"}},
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "smoke", "image": image, "imagePullPolicy": "Always"}],
        },
    }
