"""What a bundle carries besides images."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from airgap.certificates.prove import covers
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.pack.carried.programs import NO_TOOLS, Tools
from airgap.pack.extras import ClusterOptions, Payload, check_programs, payload
from airgap.spec.spec import Spec
from tests.support.authorities import own_ca
from tests.support.bundles import Content
from tests.unit.pack.carried.test_programs import elf

AMD64 = Platform("linux", "amd64")
X86_64 = 62


@pytest.fixture
def kind(tmp_path: Path) -> Path:
    return elf(tmp_path / "kind", X86_64)


def of_cluster(
    kind: Path, spec: Spec | None = None, tools: Tools = NO_TOOLS, **options: object
) -> Payload:
    content = Content()
    node, registry = content.simple("node:v1", 1, 10), content.simple("registry:3", 2, 10)
    chosen = ClusterOptions(kind, **options)  # type: ignore[arg-type]
    tool = check_programs(chosen, tools, AMD64)
    return payload(spec or Spec(()), chosen, node, registry, tool)


def of_images(spec: Spec | None = None, tools: Tools = NO_TOOLS) -> Payload:
    return payload(spec or Spec(()), None, None, None, check_programs(None, tools, AMD64))


def text(found: Payload, name: str) -> str:
    body = dict(found.members)[name]
    assert isinstance(body, bytes)
    return body.decode()


def test_a_bundle_of_images_carries_the_user_s_files(tmp_path: Path) -> None:
    files = {"b.txt": tmp_path / "b", "a.txt": tmp_path / "a"}
    found = of_images(Spec((), name="shop", files=files))
    assert [name for name, _ in found.members] == ["airgap/files/a.txt", "airgap/files/b.txt"]
    assert (found.parameters, found.secret, found.tool) == ({}, False, None)


def test_a_bundle_of_images_carries_airgap_where_it_is_asked_to(tmp_path: Path) -> None:
    tool = elf(tmp_path / "airgap", 183)
    running = Tools(running=elf(tmp_path / "running", X86_64))
    assert of_images(tools=running).members == []
    found = of_images(tools=replace(running, given=tool))
    assert found.members == [("airgap/bin/airgap", tool)]
    assert found.tool == tool, "whoever pushes may have another machine than the images"
    tool.write_text("#!/bin/sh\n")
    with pytest.raises(InputError, match="no ELF file"):
        of_images(tools=Tools(tool))


def test_a_bundle_for_a_cluster_has_what_the_other_side_lacks(kind: Path, tmp_path: Path) -> None:
    tool = elf(tmp_path / "airgap", X86_64)
    spec = Spec((), cluster_name="shop", workers=2, files={"a": tmp_path / "a"})
    found = of_cluster(kind, spec, tools=Tools(tool))
    assert [name for name, _ in found.members] == [
        "airgap/registry.yaml", "airgap/kind.yaml", "airgap/ca.crt",
        "airgap/tls.crt", "airgap/tls.key", "airgap/bin/airgap", "airgap/bin/kind",
        "airgap/files/a",
    ]  # fmt: skip
    assert dict(found.members)["airgap/bin/airgap"] == tool
    assert dict(found.members)["airgap/bin/kind"] == kind
    parameters = Parameters.from_json(found.parameters)
    assert (parameters.cluster_name, parameters.workers) == ("shop", 2)
    configuration = yaml.safe_load(text(found, "airgap/kind.yaml"))
    assert [node["role"] for node in configuration["nodes"]] == ["control-plane", *["worker"] * 2]
    assert covers(text(found, "airgap/tls.crt").encode(), parameters.names) == []
    assert found.secret
    assert found.tool == tool


def test_a_certificate_that_unpack_makes_leaves_nothing_secret(kind: Path) -> None:
    found = of_cluster(kind, tls="host")
    assert not {"airgap/ca.crt", "airgap/tls.key"} & dict(found.members).keys()
    assert not found.secret


def test_an_organisation_s_ca_signs(kind: Path) -> None:
    own = own_ca()
    assert text(of_cluster(kind, authority=own), "airgap/ca.crt").encode() == own.cert_pem


def test_a_kind_for_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="another machine than linux/amd64") as caught:
        of_cluster(elf(tmp_path / "kind", 183))
    assert "--kind" in caught.value.hint
