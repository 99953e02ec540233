"""The pod that shows whether a node pulls from the registry.

It meets the restricted Pod Security Standard and names what it takes, so that rules which a
cluster may have (Pod Security, ResourceQuota, LimitRange) let it run.
"""

from airgap.cluster.objects.labels import MANAGED
from airgap.cluster.objects.registry import UID
from airgap.cluster.parameters import NAMESPACE
from airgap.cluster.ports import Object


def pod(image: str, node: str) -> Object:
    """Return a pod that runs ``image`` as it is, on ``node`` whatever taints that has."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": f"airgap-smoke-{node}"[:63].rstrip("-."),
            "namespace": NAMESPACE,
            "labels": dict(MANAGED),
        },
        "spec": {
            "nodeName": node,
            "restartPolicy": "Never",
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": 0,
            "tolerations": [{"operator": "Exists"}],
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": UID,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "containers": [_container(image)],
        },
    }


def _container(image: str) -> Object:
    return {
        "name": "smoke",
        "image": image,
        "imagePullPolicy": "Always",
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi"},
            "limits": {"cpu": "500m", "memory": "128Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
    }
