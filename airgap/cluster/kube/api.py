"""The Kubernetes API of a cluster, through the kubernetes package.

Objects are applied server-side (field manager ``airgap``), so that a second apply of the same
object changes nothing and restarts nothing.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from airgap.cluster.kube.access import Access
from airgap.cluster.ports import Object, Patience, RefusedError
from airgap.errors import ClusterError

_MANAGER = "airgap"
_OBJECT = re.compile(r"^(?:<[^>]*>|\w+\([^)]*\)): ")
_PLURALS = {
    "Namespace": "namespaces",
    "Node": "nodes",
    "PersistentVolume": "persistentvolumes",
    "PersistentVolumeClaim": "persistentvolumeclaims",
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "Service": "services",
    "Deployment": "deployments",
    "Pod": "pods",
}


class KubeApi:
    """The API of one cluster; see `airgap.cluster.ports.Kube`.

    The kubernetes package wants certificate and key as files. They are kept in memory alone,
    where nobody else reads them and nothing is left when this process ends.
    """

    def __init__(self, access: Access, patience: Patience) -> None:
        from kubernetes import client

        self._patience = patience
        self._files = [
            _memory_file(pem) for pem in (access.ca_pem, access.cert_pem, access.key_pem)
        ]
        configuration = client.Configuration()
        configuration.host = access.server
        # The cluster is on this host: a proxy in the environment is not meant for it.
        configuration.proxy = configuration.no_proxy = None
        configuration.retries = patience.tries - 1
        configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file = (
            f"/proc/self/fd/{fd}" for fd in self._files
        )
        self._api = client.ApiClient(configuration)

    def __del__(self) -> None:
        for fd in getattr(self, "_files", ()):
            os.close(fd)

    def get(self, kind: str, name: str, namespace: str = "") -> Object | None:
        """Return an object, None where it does not exist."""
        found: Object | None = self._call("GET", _path(kind, name, namespace), missing=True)
        return found

    def list(self, kind: str, namespace: str = "", labels: str = "") -> Sequence[Object]:
        """Return all objects of a kind that have ``labels``."""
        query = [("labelSelector", labels)] if labels else []
        found: Sequence[Object] = self._call("GET", _path(kind, "", namespace), query=query)[
            "items"
        ]
        return found

    def apply(self, wanted: Object) -> bool:
        """Apply an object as a whole; tells whether that changed anything."""
        metadata = wanted["metadata"]
        path = _path(wanted["kind"], metadata["name"], metadata.get("namespace", ""))
        before = self._call("GET", path, missing=True)
        after = self._call(
            "PATCH",
            path,
            body=wanted,
            query=[("fieldManager", _MANAGER), ("force", "true")],
            content_type="application/apply-patch+yaml",
        )
        return before is None or _version(before) != _version(after)

    def create(self, wanted: Object) -> None:
        """Make an object."""
        path = _path(wanted["kind"], "", wanted["metadata"].get("namespace", ""))
        self._call("POST", path, body=wanted)

    def merge(self, kind: str, name: str, namespace: str, patch: Mapping[str, Any]) -> None:
        """Merge a patch into an object."""
        content_type = "application/merge-patch+json"
        self._call("PATCH", _path(kind, name, namespace), body=patch, content_type=content_type)

    def delete(self, kind: str, name: str, namespace: str = "", grace: int | None = None) -> bool:
        """Delete an object without waiting for what it leaves; False where it did not exist."""
        query = [] if grace is None else [("gracePeriodSeconds", str(grace))]
        path = _path(kind, name, namespace)
        return self._call("DELETE", path, query=query, missing=True) is not None

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

        seconds = min(self._patience.api, self._patience.left())
        headers = {"Accept": "application/json", "Content-Type": content_type}
        # The package takes one number only where it is an int, and else waits for ever.
        timeout = (seconds, seconds)
        with _translated(f"{method} {path}"):
            try:
                return self._api.call_api(
                    path, method, query_params=list(query), header_params=headers,
                    body=body, response_type="object",
                    _return_http_data_only=True, _request_timeout=timeout,
                )  # fmt: skip
            except ApiException as error:
                if missing and error.status == 404:
                    return None
                raise


def _memory_file(content: bytes) -> int:
    fd = os.memfd_create("airgap", os.MFD_CLOEXEC)
    os.write(fd, content)
    return fd


@contextmanager
def _translated(what: str) -> Iterator[None]:
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    try:
        yield
    except ApiException as error:
        raise RefusedError(f"Kubernetes refused {what}: {_said(error)}", error.status) from error
    except (HTTPError, OSError) as error:
        raise ClusterError(
            f"the Kubernetes API does not answer: {_reason(error)}",
            hint="airgap up starts a cluster that was stopped",
        ) from error


def _reason(error: Exception) -> str:
    """Return why no answer came, without the names of the objects that waited for it."""
    found = getattr(error, "reason", None) or error
    return _OBJECT.sub("", " ".join(str(found).split()))[:200]


def _said(error: Any) -> str:
    """Return the message of the Status object that the API answers with, or what there is."""
    text = error.body or error.reason or ""
    with suppress(ValueError, LookupError, TypeError):
        text = json.loads(text)["message"]
    return " ".join(str(text).split())[:1000]


def _path(kind: str, name: str, namespace: str) -> str:
    group = "/apis/apps/v1" if kind == "Deployment" else "/api/v1"
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"{group}{scope}/{_PLURALS[kind]}" + (f"/{name}" if name else "")


def _version(found: Object) -> object:
    return found["metadata"].get("resourceVersion")
