"""The Kubernetes objects of the registry, rendered from parameters.

All are called ``registry``. The registry runs under the restricted Pod Security Standard, and
its configuration suits the official ``registry:3`` and ``registry:2`` images.
"""

import base64
import hashlib
from itertools import zip_longest
from typing import Any

import yaml

from airgap.certificates.values import Tls
from airgap.cluster.objects.labels import MANAGED
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Object
from airgap.errors import InputError
from airgap.oci.digest import shown

UID = 65532
STORAGE_PATH = "/var/lib/airgap/registry"
"""The folder in the control-plane node that holds the registry's content."""
_PORT = 5000
_CONFIG = "/etc/airgap/config.yml"
_LABELS = {"app.kubernetes.io/name": "registry", **MANAGED}
_FURTHER = 4096  # what a file may have more, such as another comment
_HASH = "airgap/config-hash"


def render(parameters: Parameters) -> list[Object]:
    """Return the objects in the order in which they are applied; the Secret is not among them."""
    return [
        _namespace(),
        _volume(parameters),
        _claim(parameters),
        _config_map(),
        _deployment(parameters),
        _service(parameters),
    ]


def render_yaml(parameters: Parameters) -> bytes:
    """Return ``registry.yaml`` as it stands in the bundle, for people and for kubectl."""
    text = yaml.safe_dump_all(render(parameters), sort_keys=False, width=100)
    return (
        _HEADER.format(path=STORAGE_PATH, uid=UID, node=parameters.control_plane) + text
    ).encode()


def check_yaml(data: bytes, parameters: Parameters) -> None:
    """Check that a bundle's ``registry.yaml`` is what airgap renders, comments aside.

    Nothing of it is parsed: it is foreign, and what is applied is rendered anew.

    Raises:
        InputError: it is not, naming the first line that differs.
    """
    expected = render_yaml(parameters)
    theirs = _numbered(data[: len(expected) + _FURTHER])
    for (_, ours), (number, line) in zip_longest(
        _numbered(expected), theirs, fillvalue=(data.count(b"\n") + 1, b"")
    ):
        if ours != line:
            raise InputError(
                "airgap/registry.yaml in the bundle is not what airgap renders: line"
                f" {number} is {_line(line)} instead of {_line(ours)}",
                hint="do not use this bundle; ask who made it",
            )


def _numbered(data: bytes) -> list[tuple[int, bytes]]:
    """Return the lines that are no comments, with their numbers."""
    lines = enumerate(data.split(b"\n"), start=1)
    return [(number, line) for number, line in lines if line and not line.startswith(b"#")]


def _line(line: bytes) -> str:
    return shown(line.decode("utf-8", "replace").strip()) if line else "missing"


def secret(tls: Tls, http_secret: str) -> Object:
    """Return the Secret: certificate, key, CA, and what the registry signs its upload URLs with."""
    values = {
        "tls.crt": tls.cert_pem,
        "tls.key": tls.key_pem,
        "ca.crt": tls.ca_pem,
        "http-secret": http_secret.encode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(),
        "type": "kubernetes.io/tls",
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }


def _metadata(**more: Any) -> Object:
    return {"name": "registry", "namespace": NAMESPACE, "labels": dict(_LABELS), **more}


def _namespace() -> Object:
    standard = "pod-security.kubernetes.io"
    labels = {**_LABELS, f"{standard}/enforce": "restricted", f"{standard}/warn": "restricted"}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": labels},
    }


def _volume(parameters: Parameters) -> Object:
    on_control_plane = {
        "key": "kubernetes.io/hostname", "operator": "In", "values": [parameters.control_plane],
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": "registry", "labels": dict(_LABELS)},
        "spec": {
            "capacity": {"storage": f"{parameters.storage}Gi"},
            "accessModes": ["ReadWriteOnce"],
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
            "claimRef": {"namespace": NAMESPACE, "name": "registry"},
            "hostPath": {"path": STORAGE_PATH, "type": "Directory"},
            "nodeAffinity": {
                "required": {"nodeSelectorTerms": [{"matchExpressions": [on_control_plane]}]}
            },
        },
    }


def _claim(parameters: Parameters) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": _metadata(),
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": "",
            "volumeName": "registry",
            "resources": {"requests": {"storage": f"{parameters.storage}Gi"}},
        },
    }


def _config_map() -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(),
        "data": {"config.yml": _config()},
    }


def _config_hash() -> str:
    return hashlib.sha256(_config().encode()).hexdigest()[:16]


def _config() -> str:
    config = {
        "version": 0.1,
        # The kubelet asks every second: each request logged would fill the node's disk.
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {
            "filesystem": {"rootdirectory": "/var/lib/registry"},
            "delete": {"enabled": True},
        },
        "http": {
            "addr": f":{_PORT}",
            "tls": {"certificate": "/certs/tls.crt", "key": "/certs/tls.key"},
        },
        # An index may come without all its children, and a manifest may name where its layers
        # live: without the second, registry:3 answers such a manifest with 500.
        "validation": {
            "manifests": {
                "indexes": {"platforms": "none"},
                "urls": {"allow": ["^https?://"]},
            }
        },
    }
    return yaml.safe_dump(config, sort_keys=False)


def _deployment(parameters: Parameters) -> Object:
    labels = {"app.kubernetes.io/name": "registry"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": labels},
            "template": {
                # A changed configuration has to restart the pod: it reads it once.
                "metadata": {"labels": dict(_LABELS), "annotations": {_HASH: _config_hash()}},
                "spec": _pod(parameters),
            },
        },
    }


def _pod(parameters: Parameters) -> Object:
    control_plane = "node-role.kubernetes.io/control-plane"
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": 5,
        "priorityClassName": "system-cluster-critical",
        "tolerations": [{"key": control_plane, "operator": "Exists", "effect": "NoSchedule"}],
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": UID,
            "runAsGroup": UID,
            "fsGroup": UID,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(parameters)],
        "volumes": [
            {"name": "certs", "secret": {"secretName": "registry", "items": [
                {"key": key, "path": key} for key in ("tls.crt", "tls.key")
            ]}},
            {"name": "config", "configMap": {"name": "registry"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "registry"}},
        ],
    }  # fmt: skip


def _container(parameters: Parameters) -> Object:
    http_secret = {"secretKeyRef": {"name": "registry", "key": "http-secret"}}
    return {
        "name": "registry",
        "image": parameters.registry_image,
        "imagePullPolicy": "Never",  # unpack imports it into the node: nothing serves it before
        "args": ["serve", _CONFIG],  # with the official entrypoint script, and without one
        "env": [
            {"name": "OTEL_TRACES_EXPORTER", "value": "none"},
            {"name": "REGISTRY_HTTP_SECRET", "valueFrom": http_secret},
        ],
        "ports": [{"name": "https", "containerPort": _PORT}],
        "readinessProbe": {
            "httpGet": {"path": "/v2/", "port": _PORT, "scheme": "HTTPS"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "certs", "mountPath": "/certs", "readOnly": True},
            {"name": "config", "mountPath": "/etc/airgap", "readOnly": True},
            {"name": "data", "mountPath": "/var/lib/registry"},
        ],
    }


def _service(parameters: Parameters) -> Object:
    port = {
        "name": "https", "port": 443, "targetPort": _PORT, "nodePort": parameters.node_port,
    }  # fmt: skip
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(),
        "spec": {
            "type": "NodePort",
            "selector": {"app.kubernetes.io/name": "registry"},
            "ports": [port],
        },
    }


_HEADER = """\
# The registry that serves this bundle's images, as airgap unpack starts it. This file is for
# people to read; unpack applies what it renders itself, and refuses a bundle where the two differ.
#
# Without airgap: make {path} in the node {node}, owned by {uid}; import
# the registry image into that node under the name below; make the Secret from the certificate
#   kubectl create namespace registry
#   kubectl -n registry create secret generic registry --type kubernetes.io/tls \\
#     --from-file tls.crt --from-file tls.key --from-file ca.crt --from-literal http-secret=ANY
# and then: kubectl apply -f registry.yaml
"""
