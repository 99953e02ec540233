"""The Kubernetes objects of the registry, rendered from parameters.

All are called ``registry``. Its pod runs under the restricted Pod Security Standard, and has a
container for each of its doors.
"""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from airgap.certificates.values import Tls
from airgap.cluster.doors.door import DOORS, READER, WRITER, Door
from airgap.cluster.doors.login import HTPASSWD_KEY, PASSWORD_KEY, READERS_KEY, Login
from airgap.cluster.objects import configuration
from airgap.cluster.objects.labels import MANAGED
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Object

UID = 65532
STORAGE_PATH = "/var/lib/airgap/registry"
"""The folder in the control-plane node that holds the registry's content."""
_FOLDER = "/etc/airgap"
_NAME = "app.kubernetes.io/name"
APP = {_NAME: "registry"}
"""What the pods of the Deployment are known by."""
FORMER = {_NAME: "registry-former"}
"""What a pod is known by that the Deployment has given up, and that serves a little longer."""
OPEN = {"airgap/doors": "open"}
"""What the pods have to which the Service leads."""
_LABELS = {**APP, **MANAGED}
_HASH = "airgap/config-hash"
_WRITERS, _READERS = "login", "readers"  # volumes
_MEMORY, _SOFT_MEMORY = "512Mi", "400MiB"  # of each door, and where Go begins to save


def render(parameters: Parameters, image: str = "", *, guarded: bool = False) -> list[Object]:
    """Return the objects in the order in which they are applied; the Secret is not among them.

    Args:
        parameters: what they depend on.
        image: runs instead of the one that ``parameters`` name.
        guarded: reading needs a password, too.
    """
    return [
        namespace(),
        _volume(parameters),
        _claim(parameters),
        _config_map(guarded=guarded),
        _deployment(image or parameters.registry_image, guarded=guarded),
        _service(parameters),
    ]


def secret(tls: Tls, login: Login, http_secret: str) -> Object:
    """Return the Secret.

    Args:
        tls: certificate, key and CA.
        login: what the writer asks for.
        http_secret: what the registry signs its upload URLs with.
    """
    values = {
        "tls.crt": tls.cert_pem,
        "tls.key": tls.key_pem,
        "ca.crt": tls.ca_pem,
        "http-secret": http_secret.encode(),
        PASSWORD_KEY: login.password.encode(),
        HTPASSWD_KEY: login.htpasswd(),
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


def namespace() -> Object:
    """Return the namespace, which comes before the Secret."""
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


def _config_map(*, guarded: bool) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(),
        "data": {_file(door): configuration.render(door, guarded=guarded) for door in DOORS},
    }


def _file(door: Door) -> str:
    return f"{door.name}.yml"


def _config_hash(*, guarded: bool) -> str:
    text = "".join(configuration.render(door, guarded=guarded) for door in DOORS)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def is_guarded(deployment: Object) -> bool:
    """Tell whether a Deployment's registry asks for a password where it reads."""
    volumes = deployment["spec"]["template"]["spec"].get("volumes") or []
    return any(volume["name"] == _READERS for volume in volumes)


def has_doors(deployment: Object) -> bool:
    """Tell whether a Deployment's registry has its doors, and the Service finds them."""
    template = deployment["spec"]["template"]
    names = {container["name"] for container in template["spec"]["containers"]}
    labels = template["metadata"].get("labels") or {}
    return names == {door.name for door in DOORS} and OPEN.items() <= labels.items()


def _deployment(image: str, *, guarded: bool) -> Object:
    metadata = {"labels": _LABELS | OPEN, "annotations": {_HASH: _config_hash(guarded=guarded)}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _metadata(),
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": dict(APP)},
            "template": {
                # A changed configuration has to restart the pod: it reads it once.
                "metadata": metadata,
                "spec": _pod(image, guarded=guarded),
            },
        },
    }


def _pod(image: str, *, guarded: bool) -> Object:
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
        "containers": [_container(door, image, guarded=guarded) for door in DOORS],
        "volumes": [
            _secret_volume("certs", {"tls.crt": "tls.crt", "tls.key": "tls.key"}),
            _secret_volume(_WRITERS, {HTPASSWD_KEY: "htpasswd"}),
            *([_secret_volume(_READERS, {READERS_KEY: "htpasswd"})] if guarded else []),
            {"name": "config", "configMap": {"name": "registry"}},
            {"name": "data", "persistentVolumeClaim": {"claimName": "registry"}},
        ],
    }


def _secret_volume(name: str, files: Mapping[str, str]) -> Object:
    items = [{"key": key, "path": path} for key, path in files.items()]
    return {"name": name, "secret": {"secretName": "registry", "items": items}}


def _container(door: Door, image: str, *, guarded: bool) -> Object:
    http_secret = {"secretKeyRef": {"name": "registry", "key": "http-secret"}}
    who = _WRITERS if door.writes else _READERS
    login = [{"name": who, "mountPath": configuration.LOGIN, "readOnly": True}]
    content = {"name": "data", "mountPath": configuration.CONTENT}
    return {
        "name": door.name,
        "image": image,
        "imagePullPolicy": "Never",  # unpack imports it into the node: nothing serves it before
        "args": ["serve", f"{_FOLDER}/{_file(door)}"],  # with an entrypoint script, and without
        "env": [
            {"name": "OTEL_TRACES_EXPORTER", "value": "none"},
            {"name": "GOMEMLIMIT", "value": _SOFT_MEMORY},
            {"name": "REGISTRY_HTTP_SECRET", "valueFrom": http_secret},
        ],
        "ports": [{"name": door.name, "containerPort": door.port}],
        # At / it answers whoever asks, at /v2/ the writer asks for the password.
        "readinessProbe": {
            "httpGet": {"path": "/", "port": door.port, "scheme": "HTTPS"},
            "periodSeconds": 1,
            "timeoutSeconds": 5,
        },
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": _MEMORY},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "certs", "mountPath": configuration.CERTIFICATE, "readOnly": True},
            {"name": "config", "mountPath": _FOLDER, "readOnly": True},
            *(login if door.writes or guarded else []),
            content if door.writes else {**content, "readOnly": True},
        ],
    }


def _service(parameters: Parameters) -> Object:
    ports = {READER: parameters.read_port, WRITER: parameters.node_port}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _metadata(),
        "spec": {
            "type": "NodePort",
            "selector": dict(OPEN),
            "ports": [
                {"name": door.name, "port": door.service_port, "targetPort": door.port,
                 "nodePort": node_port}
                for door, node_port in ports.items()
            ],
        },
    }  # fmt: skip
