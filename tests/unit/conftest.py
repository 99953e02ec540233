"""What unit tests start from: nothing of this machine, its CAs among that."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.registry import MemoryRegistry

# Reading a machine's two hundred CAs takes 40 ms for each client, and no test speaks to strangers.
_NOBODY = Path(__file__).parents[1] / "support/nobody.pem"
os.environ |= {"SSL_CERT_FILE": str(_NOBODY), "SSL_CERT_DIR": os.devnull}


@pytest.fixture
def registry() -> Iterator[MemoryRegistry]:
    """Run an empty registry in memory, over plain http."""
    with MemoryRegistry() as found:
        yield found
