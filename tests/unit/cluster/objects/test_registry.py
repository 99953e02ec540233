import base64

from airgap.certificates.values import Tls
from airgap.cluster.doors.door import READ_PORT
from airgap.cluster.doors.login import Login
from airgap.cluster.objects import registry as manifests
from airgap.cluster.parameters import Parameters

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32, read_port=READ_PORT)


def test_all_objects_are_called_registry() -> None:
    found = manifests.render(PARAMETERS)
    kinds = [item["kind"] for item in found]
    assert kinds == [
        "Namespace", "PersistentVolume", "PersistentVolumeClaim",
        "ConfigMap", "Deployment", "Service",
    ]  # fmt: skip
    assert {item["metadata"]["name"] for item in found} == {"registry"}


def test_the_reader_sees_neither_the_password_nor_a_writable_volume() -> None:
    _, _, _, config_map, deployment, _ = manifests.render(PARAMETERS)
    assert config_map["data"].keys() == {"writer.yml", "reader.yml"}
    writer, reader = deployment["spec"]["template"]["spec"]["containers"]
    assert [each["name"] for each in (writer, reader)] == ["writer", "reader"]
    mounts = {mount["name"]: mount for mount in reader["volumeMounts"]}
    assert "login" not in mounts
    assert mounts["data"]["readOnly"]
    assert all(each["resources"]["limits"]["memory"] for each in (writer, reader))
    for volume in deployment["spec"]["template"]["spec"]["volumes"]:
        keys = [item["key"] for item in volume.get("secret", {}).get("items", [])]
        assert "password" not in keys, "the pod knows its hash alone"


def test_the_service_leads_to_the_reader_and_each_door_has_its_port() -> None:
    ports = manifests.render(PARAMETERS)[5]["spec"]["ports"]
    assert [(p["name"], p["port"], p["targetPort"], p["nodePort"]) for p in ports] == [
        ("reader", 443, 5001, 30444), ("writer", 5000, 5000, 30443),
    ]  # fmt: skip


def test_another_image_may_run() -> None:
    deployment = manifests.render(PARAMETERS, image="docker.io/airgap/registry:old")[4]
    containers = deployment["spec"]["template"]["spec"]["containers"]
    assert {each["image"] for each in containers} == {"docker.io/airgap/registry:old"}


def test_the_secret_holds_certificate_and_ca() -> None:
    login = Login("airgap", "secret")
    data = manifests.secret(Tls(b"ca", b"cert", b"key"), login, "hs")["data"]
    found = {key: base64.b64decode(text) for key, text in data.items()}
    assert found.pop("htpasswd").startswith(b"airgap:$2b$04$")
    assert found == {
        "ca.crt": b"ca", "tls.crt": b"cert", "tls.key": b"key", "http-secret": b"hs",
        "password": b"secret",
    }  # fmt: skip
    assert Login.of_secret(found) == login
