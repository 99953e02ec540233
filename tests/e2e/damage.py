"""Damage to the registry's content on its node, as a disk or somebody with root there does it."""

import random
from collections.abc import Callable

from tests.e2e.conftest import Lab

ROOT = "/var/lib/airgap/registry/docker/registry/v2"
_STATE = f"""cd {ROOT}
find blobs -name data -type f -exec sha256sum {{}} +
find repositories -path '*/_manifests/tags/*/current/link' -exec grep -H '' {{}} +
"""


class Volume:
    """The content: blobs by digest, tags by name."""

    def __init__(self, lab: Lab, node: str) -> None:
        self._lab, self._node = lab, node

    def _sh(self, script: str) -> str:
        return self._lab.docker("exec", self._node, "sh", "-c", f"cd {ROOT} && {script}")

    def state(self) -> dict[str, str]:
        """What is there: ``blobs/…/data`` to its hash, ``repositories/…/link`` to what it says."""
        found = {}
        for line in self._lab.docker("exec", self._node, "sh", "-c", _STATE).splitlines():
            if line.startswith("repositories/"):
                path, _, digest = line.partition("/link:")
                found[f"{path}/link"] = digest
            else:
                digest, _, path = line.partition("  ")
                found[path] = digest
        return found

    def damage(self, chance: random.Random, number: int) -> list[str]:
        """Lose or change so many blobs and tags; returns what they are called."""
        state = self.state()
        chosen = chance.sample(sorted(state), number)
        kinds: list[Callable[[str], str]] = [_lose, _shorten, _change]
        manifests = sorted({digest for path, digest in state.items() if path.endswith("/link")})
        names, script = [], []
        for path in chosen:
            if path.startswith("blobs/"):
                names.append(f"sha256:{path.split('/')[3]}")
                script.append(chance.choice(kinds)(path))
            else:
                parts = path.split("/")
                names.append(f"{'/'.join(parts[1:-5])}:{parts[-3]}")
                other = chance.choice([each for each in manifests if each != state[path]])
                script.append(f"printf {other} > {path}")
        self._sh(" && ".join(script))
        return names


def _lose(path: str) -> str:
    return f"rm {path}"


def _shorten(path: str) -> str:
    return f"truncate -s -1 {path}"


def _change(path: str) -> str:
    """Both JSON and gzip begin with another byte."""
    return f"printf Z | dd of={path} conv=notrunc bs=1 count=1 2>/dev/null"
