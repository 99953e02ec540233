"""Access: how the API of a cluster is reached, and as whom."""

import base64
import binascii
from dataclasses import dataclass
from typing import Self

from airgap.errors import ClusterError, InputError
from airgap.spec import strictyaml


@dataclass(frozen=True, slots=True)
class Access:
    """What it takes to reach a cluster's API; the repr shows no key.

    Attributes:
        server: its address, such as ``https://127.0.0.1:6443``.
        ca_pem: the CA that it is known by.
        cert_pem: the client's certificate.
        key_pem: and its key.
    """

    server: str
    ca_pem: bytes
    cert_pem: bytes
    key_pem: bytes

    def __repr__(self) -> str:
        return f"Access({self.server!r})"

    @classmethod
    def of_admin_conf(cls, text: bytes, port: int) -> Self:
        """Read kubeadm's ``admin.conf``, for a port of this host.

        Raises:
            ClusterError: it is not one.
        """
        try:
            (value,) = strictyaml.load_all(text.decode(), "admin.conf")
            cluster, user = value["clusters"][0]["cluster"], value["users"][0]["user"]
            return cls(
                server=f"https://127.0.0.1:{port}",
                ca_pem=base64.b64decode(cluster["certificate-authority-data"]),
                cert_pem=base64.b64decode(user["client-certificate-data"]),
                key_pem=base64.b64decode(user["client-key-data"]),
            )
        except (InputError, ValueError, LookupError, TypeError, binascii.Error) as error:
            raise ClusterError(
                "the control plane's admin.conf cannot be read",
                hint="kubeadm writes it: look at it",
            ) from error
