"""TLS for the tests of the wire: a server's context, and one that trusts it."""

import ssl
from pathlib import Path

import pytest

from airgap.certificates.make import issue


@pytest.fixture(scope="session")
def tls_pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's side and the client's."""
    folder: Path = tmp_path_factory.mktemp("tls")
    made = issue(["localhost", "127.0.0.1"])
    (folder / "crt").write_bytes(made.cert_pem)
    (folder / "key").write_bytes(made.key_pem)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "crt", folder / "key")
    return server, ssl.create_default_context(cadata=made.ca_pem.decode("ascii"))
