"""A token server that takes its time, and signs what distribution believes.

    python tokens.py ADDRESS KEY.pem CERT.pem SECONDS

Tokens follow distribution's documentation, "Token Authentication Specification": a JWT (RFC 7519)
with the claim ``access``, signed with ES256, its certificate in the header.
"""

import base64
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

ISSUER, SERVICE = "bench tokens", "bench"


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class _Signer:
    def __init__(self, key: bytes, certificate: bytes) -> None:
        loaded = serialization.load_pem_private_key(key, None)
        assert isinstance(loaded, ec.EllipticCurvePrivateKey)  # noqa: S101  (made for the bench)
        self._key = loaded
        chain = x509.load_pem_x509_certificates(certificate)
        encoded = [c.public_bytes(serialization.Encoding.DER) for c in chain[:1]]
        header = {
            "typ": "JWT", "alg": "ES256",
            "x5c": [base64.b64encode(found).decode() for found in encoded],
        }  # fmt: skip
        self._header = _b64(json.dumps(header).encode())

    def token(self, scopes: list[str]) -> str:
        now = int(time.time())
        claims = {
            "iss": ISSUER, "aud": SERVICE, "sub": "", "jti": str(now),
            "nbf": now - 10, "iat": now, "exp": now + 3600,
            "access": [access for scope in scopes if (access := _access(scope))],
        }  # fmt: skip
        signed = f"{self._header}.{_b64(json.dumps(claims).encode())}"
        r, s = decode_dss_signature(self._key.sign(signed.encode(), ec.ECDSA(hashes.SHA256())))
        return f"{signed}.{_b64(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}"


def _access(scope: str) -> dict[str, Any] | None:
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return {"type": kind, "name": name, "actions": actions.split(",")} if name else None


def main(address: str, key: Path, certificate: Path, seconds: float) -> None:
    """Answer for ever."""
    signer = _Signer(key.read_bytes(), certificate.read_bytes())

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            scopes = parse_qs(urlsplit(self.path).query).get("scope", [])
            time.sleep(seconds)
            each = [one for scope in scopes for one in scope.split()]
            body = json.dumps({"token": signer.token(each), "expires_in": 3600}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    host, _, port = address.rpartition(":")
    ThreadingHTTPServer.request_queue_size = 128
    ThreadingHTTPServer((host, int(port)), Handler).serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4]))
