import ssl

import pytest

from airgap.registry.options import Options
from airgap.registry.route import tls_context


@pytest.mark.parametrize("insecure", [False, True])
def test_every_python_takes_the_same_cas(insecure: bool) -> None:
    """Python 3.13 alone would refuse a CA without a key usage, which docker and curl take."""
    context = tls_context(Options(), insecure=insecure)
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT
    assert context.check_hostname is not insecure
