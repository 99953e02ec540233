"""What is noted of the bundles that landed, one ConfigMap a bundle, and where the registry is.

A record holds what later runs need: which bundle, with which parameters, and whose hosts the
nodes have to resolve. What it holds of the images is a list for people, packed, and left out
where it is too large for a ConfigMap: the registry itself knows what it has.
"""

import base64
import binascii
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from airgap.cluster.objects.labels import MANAGED
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Object
from airgap.errors import InputError
from airgap.oci.reference import Reference

RECORD = {"airgap/record": "bundle"}
SELECTOR = "airgap/record=bundle"
FORMER = "airgap-bundles"
"""The one ConfigMap that held all bundles, in releases before; it is still read."""
HOSTING, HOSTING_NAMESPACE = "local-registry-hosting", "kube-public"
_LIST, _DIGESTS, _ATTACHED = "references", "digests", "attached"
_MAX_PACKED = 600_000  # of the 1 MiB that a ConfigMap may hold
_MAX_DIGESTS = 400_000
_MAX_TOGETHER = 1_000_000
_DIGEST_BYTES = 32  # of sha256, the only algorithm of bundles
_MAX_LIST = 64 << 20


@dataclass(frozen=True, slots=True)
class Attached:
    """A tag under which something is attached to an image that landed.

    Attributes:
        reference: the tag, such as ``docker.io/library/nginx:sha256-HEX.sig``.
        digest: what it points to.
        entries: digests that it lists, where it is a list of referrers; others add to that.
    """

    reference: str
    digest: str
    entries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Landed:
    """A bundle that was unpacked into the cluster.

    Attributes:
        digest: the bundle's.
        name: its name.
        serial: its serial number.
        parameters: what its registry was rendered from.
        hosts: whose images it holds, such as ``docker.io``.
        images: how many.
        digests: what each of ``references`` points to; empty where they did not fit, or a release
            before recorded it.
        signers: minisign's public keys whose signatures held.
        references: which; empty where the list did not fit.
        node_ids: digests by which docker may know the node image it brought.
        registry_ids: the same of its registry image.
        attached: tags of what is attached to the images; empty where they did not fit, or a release
            before recorded it.
    """

    digest: str
    name: str
    serial: int | None
    parameters: Parameters
    hosts: tuple[str, ...]
    images: int
    references: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    signers: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    registry_ids: tuple[str, ...] = ()
    attached: tuple[Attached, ...] = ()

    def to_object(self) -> Object:
        """Return the ConfigMap that records it."""
        algorithm, _, encoded = self.digest.partition(":")
        value = {
            "digest": self.digest,
            "name": self.name,
            "serial": self.serial,
            "parameters": self.parameters.to_json(),
            "hosts": list(self.hosts),
            "images": self.images,
            "signers": list(self.signers),
            "node_ids": list(self.node_ids),
            "registry_ids": list(self.registry_ids),
        }
        record = _map(f"airgap-bundle-{algorithm}-{encoded[:32]}", NAMESPACE)
        record["metadata"]["labels"] |= RECORD
        record["data"] = {"bundle.json": json.dumps(value, sort_keys=True)}
        packed = zlib.compress("\n".join(self.references).encode(), 9)
        if len(packed) <= _MAX_PACKED:
            record["binaryData"] = {_LIST: base64.b64encode(packed).decode()}
            digests = b"".join(bytes.fromhex(text.partition(":")[2]) for text in self.digests)
            if 0 < len(digests) <= _MAX_DIGESTS:
                record["binaryData"][_DIGESTS] = base64.b64encode(digests).decode()
            lines = (" ".join((a.reference, a.digest, *a.entries)) for a in self.attached)
            attached = zlib.compress("\n".join(lines).encode(), 9)
            if self.attached and sum(map(len, (packed, digests, attached))) <= _MAX_TOGETHER:
                record["binaryData"][_ATTACHED] = base64.b64encode(attached).decode()
        return record

    @classmethod
    def of_object(cls, found: Object) -> Self:
        """Read a record.

        Raises:
            InputError: it is not one, naming it.
        """
        try:
            value = json.loads(found["data"]["bundle.json"])
            binary = found.get("binaryData") or {}
            references = tuple(_unpacked(binary, _LIST).split())
            return cls(
                digest=str(value["digest"]),
                name=str(value["name"]),
                serial=_serial(value["serial"]),
                parameters=Parameters.from_json(value["parameters"]),
                hosts=tuple(map(str, value["hosts"])),
                images=int(value["images"]),
                references=references,
                digests=_digests(binary, len(references)),
                signers=tuple(map(str, value.get("signers") or ())),
                node_ids=tuple(map(str, value.get("node_ids") or ())),
                registry_ids=tuple(map(str, value.get("registry_ids") or ())),
                attached=_attached(_unpacked(binary, _ATTACHED)),
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _unreadable(str(found.get("metadata", {}).get("name"))) from error

    @classmethod
    def of_entry(cls, key: str, text: str) -> Self:
        """Read an entry of the ConfigMap of releases before.

        Raises:
            InputError: it is not one, naming it.
        """
        try:
            value = json.loads(text)
            references = tuple(map(str, value["references"]))
            return cls(
                digest=key.replace("-", ":", 1),
                name=str(value["name"]),
                serial=_serial(value["serial"]),
                parameters=Parameters.from_json(value["parameters"]),
                hosts=hosts(references),
                images=len(references),
                references=references,
            )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            raise _unreadable(f"{FORMER}, entry {key},") from error


def hosts(references: Sequence[str]) -> tuple[str, ...]:
    """Return the hosts of references, each once, sorted."""
    return tuple(sorted({Reference.parse(text).host for text in references}))


def hosting(endpoint: str) -> Object:
    """Announce the registry to tools that look for one (KEP-1755)."""
    text = f'host: "{endpoint}"\nhelp: "https://kind.sigs.k8s.io/docs/user/local-registry/"\n'
    return _map(HOSTING, HOSTING_NAMESPACE) | {"data": {"localRegistryHosting.v1": text}}


def _map(name: str, namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(MANAGED)},
    }


def _serial(value: object) -> int | None:
    if value is None or type(value) is int:
        return value
    raise TypeError("a serial is a number")


def _unpacked(binary: Object, name: str) -> str:
    """Return a packed list; what is no list, or far too large, is none."""
    try:
        packed = base64.b64decode(str(binary.get(name, "")))
        return zlib.decompressobj().decompress(packed, _MAX_LIST).decode()
    except (binascii.Error, zlib.error, UnicodeDecodeError):
        return ""


def _attached(text: str) -> tuple[Attached, ...]:
    rows = (line.split() for line in text.splitlines())
    return tuple(Attached(row[0], row[1], tuple(row[2:])) for row in rows if len(row) > 1)


def _digests(binary: Object, number: int) -> tuple[str, ...]:
    """Return as many digests as there are references; anything else is none."""
    try:
        raw = base64.b64decode(str(binary.get(_DIGESTS, "")))
    except binascii.Error:
        return ()
    if len(raw) != number * _DIGEST_BYTES:
        return ()
    places = range(0, len(raw), _DIGEST_BYTES)
    return tuple(f"sha256:{raw[at : at + _DIGEST_BYTES].hex()}" for at in places)


def _unreadable(what: str) -> InputError:
    return InputError(
        f"ConfigMap {NAMESPACE}/{what} cannot be read: it records a bundle that landed",
        hint="unpack the bundle again, or delete the ConfigMap",
    )
