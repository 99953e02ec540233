"""admin.conf comes from a node, which whoever runs privileged pods there may have written to."""

import base64

import pytest

from airgap.cluster.kube.access import Access
from airgap.errors import ClusterError
from tests.support.cluster import admin_conf

KUBEADM = """\
apiVersion: v1
clusters:
- cluster:
    certificate-authority-data: Y2E=
    server: https://kind-control-plane:6443
  name: kind
contexts:
- context:
    cluster: kind
    user: kubernetes-admin
  name: kubernetes-admin@kind
current-context: kubernetes-admin@kind
kind: Config
preferences: {}
users:
- name: kubernetes-admin
  user:
    client-certificate-data: Y2VydA==
    client-key-data: a2V5
"""


def test_what_kubeadm_writes() -> None:
    found = Access.of_admin_conf(KUBEADM.encode(), 34567)
    assert found == Access("https://127.0.0.1:34567", b"ca", b"cert", b"key")
    assert "key" not in repr(found)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"clusters: []\nusers: []",
        b"clusters: x\nusers: y",
        b"\xff",
        b"[" * 100_000,
        b"- " * 100_000,
        b"a: &a [*a]",
        admin_conf("kind") + b"---\na: b\n",
        KUBEADM.replace("Y2E=", "Y2E").encode(),
        KUBEADM.replace("Y2E=", "[a]").encode(),
        KUBEADM.replace("    client-key-data: a2V5\n", "").encode(),
        b"a: " + base64.b64encode(bytes(1000)),
    ],
)
def test_what_is_no_admin_conf_is_one_error(text: bytes) -> None:
    with pytest.raises(ClusterError, match=r"the control plane's admin\.conf cannot be read"):
        Access.of_admin_conf(text, 1)
