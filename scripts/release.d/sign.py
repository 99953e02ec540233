"""Sign a release's SHA256SUMS: sign.py KEY SHA256SUMS COMMENT writes SHA256SUMS.minisig beside it.

A key with a password has it in AIRGAP_RELEASE_PASSWORD.
"""

import os
import sys
from pathlib import Path

from airgap.errors import AirgapError
from airgap.signatures.secret_key import SecretKey


def main(key: str, sums: str, comment: str) -> None:
    """Sign a file.

    Raises:
        AirgapError: the key cannot be read, or the comment cannot be in a signature.
    """
    SecretKey.check_comment(comment)
    secret = SecretKey.load(Path(key), os.environ.get("AIRGAP_RELEASE_PASSWORD", ""))
    signature = secret.sign(Path(sums).read_bytes(), comment)
    Path(f"{sums}.minisig").write_bytes(signature.to_bytes())
    print(f"signed by {secret.public.name}: {sums}.minisig")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except AirgapError as error:
        sys.exit(f"{error.message} ({error.hint})")
