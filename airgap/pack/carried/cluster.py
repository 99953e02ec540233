"""What a bundle carries to bring up a cluster: manifests, and the certificate of its registry."""

from collections.abc import Sequence
from dataclasses import dataclass

from airgap.certificates.make import issue, issue_from
from airgap.certificates.values import Authority, Tls
from airgap.cluster import kind
from airgap.cluster.doors.door import READ_PORT
from airgap.cluster.objects import registry_yaml
from airgap.cluster.parameters import Parameters
from airgap.oci.image import Image
from airgap.spec.spec import Spec


@dataclass(frozen=True, slots=True)
class Made:
    """The members that were made.

    Attributes:
        members: their names and contents, in order.
        parameters: from which the manifests were rendered.
        secret: whether a private key is among them.
    """

    members: Sequence[tuple[str, bytes]]
    parameters: Parameters
    secret: bool


def make(spec: Spec, tls: str, authority: Authority | None, node: Image, registry: Image) -> Made:
    """Render the manifests, and issue the certificate unless ``unpack`` is to make one.

    Args:
        spec: what the cluster is to be.
        tls: ``bundle`` puts a certificate and its key into the file, ``host`` leaves them out.
        authority: an organisation's own CA that signs; None makes a new one.
        node: the image of the nodes.
        registry: the image of the cluster's registry.

    Raises:
        InputError: a name in the spec is invalid.
    """
    parameters = Parameters(
        cluster_name=spec.cluster_name,
        workers=spec.workers,
        hosts=tuple(spec.hosts),
        node_digest=str(node.root.digest),
        registry_digest=str(registry.root.digest),
        read_port=READ_PORT,
    )
    issued = None if tls == "host" else _issue(authority, parameters.names)
    members = [
        ("airgap/registry.yaml", registry_yaml.render_yaml(parameters)),
        ("airgap/kind.yaml", kind.render_yaml(parameters)),
    ]
    if issued:
        members += [
            ("airgap/ca.crt", issued.ca_pem),
            ("airgap/tls.crt", issued.cert_pem),
            ("airgap/tls.key", issued.key_pem),
        ]
    return Made(members, parameters, secret=bool(issued))


def _issue(authority: Authority | None, names: Sequence[str]) -> Tls:
    return issue_from(authority, names) if authority else issue(names)
