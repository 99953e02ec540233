"""TLS: the server's side of an encrypted connection."""

import os
import socket
import ssl
import tempfile
from contextlib import suppress
from http import HTTPStatus
from pathlib import Path

from airgap.certificates.values import Tls
from airgap.serve.answer import Refusal

_AEAD = "ECDHE+AESGCM:ECDHE+CHACHA20"


def server_context(tls: Tls) -> ssl.SSLContext:
    """Return the TLS settings of a server: TLS 1.2 or later, authenticated ciphers alone.

    OpenSSL reads certificate and key from files alone: they exist, private, for that moment.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(_AEAD)
    context.options |= ssl.OP_NO_RENEGOTIATION
    with tempfile.TemporaryDirectory(prefix="airgap-") as folder:
        path = Path(folder) / "server.pem"
        path.touch(0o600)
        path.write_bytes(tls.cert_pem + tls.key_pem)
        context.load_cert_chain(path)
    return context


def shake_hands(sock: ssl.SSLSocket, seconds: float) -> None:
    """Begin to speak TLS; who speaks plain HTTP is told so in plain HTTP.

    Raises:
        OSError: the client does not, or takes longer than ``seconds``.
    """
    sock.settimeout(seconds)
    try:
        sock.do_handshake()
    except ssl.SSLError as error:
        if error.reason == "HTTP_REQUEST":
            message = "this address speaks HTTPS: ask for https://"
            answer = Refusal(HTTPStatus.BAD_REQUEST, "UNSUPPORTED", message, close=True).answer
            with suppress(OSError):
                os.write(sock.fileno(), answer.head("close") + bytes(answer.body))  # type: ignore[arg-type]
        raise


def hang_up(sock: socket.socket) -> None:
    """End a connection from another thread: whoever waits for it is woken."""
    with suppress(OSError):
        socket.socket.shutdown(sock, socket.SHUT_RDWR)  # the plain one, also where TLS is spoken
