from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.spec.load import load
from airgap.spec.spec import Spec

HAULER = """
apiVersion: content.hauler.cattle.io/v1
kind: Images
metadata:
  name: shop
  annotations: {hauler.dev/registry: reg.example.org, hauler.dev/platform: linux/arm64,
                hauler.dev/key: cosign.pub}
spec:
  images:
  - name: org/app:1
  - name: quay.io/org/tool@sha256:%s
    platform: linux/amd64
    rewrite: tools/tool
---
apiVersion: content.hauler.cattle.io/v1
kind: Charts
metadata: {name: charts}
spec: {charts: [{name: rancher, repoURL: "https://x", version: 2.8.4}, {name: longhorn}]}
---
apiVersion: content.hauler.cattle.io/v1
kind: Files
metadata: {name: files}
spec:
  files:
  - path: bin/install.sh
  - {path: notes.txt, name: README.txt}
  - path: https://example.org/k3s
""" % ("a" * 64)

ZARF = """
kind: ZarfPackageConfig
metadata: {name: shop, architecture: arm64, version: 1.0.0}
components:
- name: web
  required: true
  charts: [{name: podinfo, version: 6.4.0}]
  manifests: [{name: a}, {name: b}]
  images: [ghcr.io/org/web:1, "nginx:1.27"]
- name: amd-only
  only: {cluster: {architecture: amd64}}
  images: [{name: "busybox:1"}]
- name: elsewhere
  import: {path: ../other}
"""

OC_MIRROR = """
kind: ImageSetConfiguration
apiVersion: mirror.openshift.io/v2alpha1
archiveSize: 4
mirror:
  platform: {channels: [{name: stable-4.18}]}
  operators: [{catalog: one}, {catalog: two}]
  additionalImages:
  - name: docker://registry.redhat.io/ubi9/ubi:latest
  - name: quay.io/org/app:1
    targetRepo: mine/app
"""


def read(tmp_path: Path, text: str) -> Spec:
    path = tmp_path / "list.yaml"
    path.write_text(text)
    return load(path)


def lines(spec: Spec) -> list[str]:
    return [wanted.line for wanted in spec.images]


def test_hauler(tmp_path: Path) -> None:
    spec = read(tmp_path, HAULER)
    assert lines(spec) == [
        "--platform linux/arm64 reg.example.org/org/app:1",
        f"--platform linux/amd64 quay.io/org/tool@sha256:{'a' * 64}",
        "helm:https://x/rancher:2.8.4",
    ]
    assert spec.files == {
        "install.sh": tmp_path / "bin/install.sh",
        "README.txt": tmp_path / "notes.txt",
    }
    assert spec.left_out == (
        f"Images shop, quay.io/org/tool@sha256:{'a' * 64}: rewrite",
        "Images shop: hauler.dev/key",
        "Charts charts: longhorn",
        "Files files: https://example.org/k3s",
    )


def test_zarf(tmp_path: Path) -> None:
    spec = read(tmp_path, ZARF)
    assert lines(spec) == [
        "ghcr.io/org/web:1",
        "docker.io/library/nginx:1.27",
        "--platform linux/amd64 docker.io/library/busybox:1",
    ]
    assert (spec.name, spec.platforms) == ("shop", (Platform("linux", "arm64"),))
    assert spec.left_out == (
        "component web: charts, manifests (2)",
        "component elsewhere: import",
    )


def test_oc_mirror(tmp_path: Path) -> None:
    spec = read(tmp_path, OC_MIRROR)
    assert lines(spec) == ["registry.redhat.io/ubi9/ubi:latest", "quay.io/org/app:1"]
    assert spec.left_out == (
        "ImageSetConfiguration: archiveSize",
        "mirror: platform, operators (2)",
        "additionalImages, quay.io/org/app:1: targetRepo",
    )


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kind: Deployment\napiVersion: apps/v1\n", "a 'Deployment' is no list of images"),
        ("kind: [x]\napiVersion: v1\n", "is no list of images"),
        ("kind: ZarfPackageConfig\ncomponents: [x]\n", r"components\[0\] is no mapping"),
        ("kind: ZarfPackageConfig\ncomponents: x\n", "components is no list"),
        (
            "kind: ZarfPackageConfig\ncomponents: [{name: a, images: ['###ZARF_X###']}]\n",
            r"component a\[0\]: invalid reference",
        ),
        (
            "kind: ZarfPackageConfig\ncomponents: [{name: a, charts: [{name: c}]}]\n",
            "no image in it; not taken: component a: charts",
        ),
        ("kind: ImageSetConfiguration\nmirror: 7\n", "mirror is no mapping"),
        (
            "kind: Images\napiVersion: content.hauler.cattle.io/v1\nspec: {images: [{key: k}]}\n",
            r"Images\[0\]: no image is named",
        ),
        (
            "kind: Images\napiVersion: content.hauler.cattle.io/v1\n"
            "spec: {images: [{name: nginx, platform: linux}]}\n",
            r"Images\[0\]: invalid platform 'linux'",
        ),
        (
            "kind: Files\napiVersion: content.hauler.cattle.io/v1\n"
            "spec: {files: [{path: x, name: ../x}]}\n",
            "no name for a file in a bundle",
        ),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        read(tmp_path, text)
    assert "list.yaml" in caught.value.message
