"""Whether this host reaches a server of the cluster's, and it is the one."""

import socket
import ssl

_SECONDS = 5.0


def answers(address: str, port: int, name: str, ca_pem: bytes, seconds: float = _SECONDS) -> bool:
    """Tell whether a server that ``ca_pem`` vouches for as ``name`` answers at an address.

    A server's own certificate vouches for itself alone.
    """
    try:
        context = ssl.create_default_context(cadata=ca_pem.decode("ascii"))
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # an organisation's CA may be old
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        with (
            socket.create_connection((address, port), seconds) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            return True
    except (OSError, ValueError):  # ssl's errors are OSErrors
        return False
