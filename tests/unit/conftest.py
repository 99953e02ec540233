"""Unit tests know nothing of this machine, its CAs among that."""

import os

# Reading a machine's two hundred CAs takes 40 ms for each client, and no test speaks to strangers.
os.environ |= {"SSL_CERT_FILE": os.devnull, "SSL_CERT_DIR": os.devnull}
