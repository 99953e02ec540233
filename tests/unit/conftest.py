"""Unit tests know nothing of this machine, its CAs among that."""

import os
from pathlib import Path

# Reading a machine's two hundred CAs takes 40 ms for each client, and no test speaks to strangers.
_NOBODY = Path(__file__).parents[1] / "support/nobody.pem"
os.environ |= {"SSL_CERT_FILE": str(_NOBODY), "SSL_CERT_DIR": os.devnull}
