"""airgap_boot: what the single file needs before airgap starts; imported by main.c.

Native modules are loaded from memory: dlopen needs a file, and the host's folders may be full,
read-only or noexec. Nothing is unpacked.
"""

import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec
from importlib.util import spec_from_file_location
from types import ModuleType

_STORES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",  # RHEL, Fedora
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/var/lib/ca-certificates/ca-bundle.pem",  # SLES
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


class _Native:
    """Finds the native modules, which stand in the archive as native/NAME.so."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> ModuleSpec | None:
        if name not in _names:
            return None
        # Never closed: glibc knows a library by its path, and a number used again would give the
        # earlier one.
        memory = os.memfd_create(name)
        with os.fdopen(os.dup(memory), "wb") as file:
            file.write(__loader__.get_data(f"{sys.executable}/native/{name}.so"))
        path = f"/proc/self/fd/{memory}"
        return spec_from_file_location(name, path, loader=ExtensionFileLoader(name, path))


def _find_authorities() -> None:
    """Let OpenSSL find this host's certificate authorities; child processes inherit it."""
    if "SSL_CERT_FILE" in os.environ or "SSL_CERT_DIR" in os.environ:
        return
    found = next(filter(os.path.exists, _STORES), None)
    if found:
        os.environ["SSL_CERT_FILE"] = found


def _certifi() -> ModuleType:
    """Stand for certifi, which would copy its list into TMPDIR: the host's own list counts."""
    module = ModuleType("certifi")
    module.where = lambda: os.environ.get("SSL_CERT_FILE", _STORES[0])
    return module


_names = frozenset(__loader__.get_data(f"{sys.executable}/native/names").decode().split())
sys.frozen = True
sys.meta_path.insert(0, _Native)
_find_authorities()
sys.modules["certifi"] = _certifi()
