import socket
import ssl
import threading
from pathlib import Path

from airgap.certificates.make import issue
from airgap.cluster.reach import answers


def test_only_the_server_that_the_authority_vouches_for_answers(tmp_path: Path) -> None:
    tls, other = issue(["kind-control-plane"]), issue(["kind-control-plane"])
    (tmp_path / "c").write_bytes(tls.cert_pem)
    (tmp_path / "k").write_bytes(tls.key_pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c", tmp_path / "k")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

        def serve() -> None:
            for _ in range(5):
                connection, _peer = server.accept()
                try:
                    context.wrap_socket(connection, server_side=True).close()
                except OSError:
                    connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert answers("127.0.0.1", port, "kind-control-plane", tls.ca_pem)
        assert not answers("127.0.0.1", port, "other", tls.ca_pem)
        assert not answers("127.0.0.1", port, "kind-control-plane", other.ca_pem)
        assert answers("127.0.0.1", port, "kind-control-plane", tls.cert_pem), "itself"
        assert not answers("127.0.0.1", port, "kind-control-plane", other.cert_pem)
        thread.join()
    assert not answers("127.0.0.1", port, "kind-control-plane", tls.ca_pem)
