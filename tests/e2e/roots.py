"""Debian in its smallest form, as a folder that programs are run in by chroot."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.e2e.conftest import REPO, run


@contextmanager
def debian(release: str, root: Path) -> Iterator[None]:
    """Make ``root`` a fresh Debian of that release, with /proc while it is used."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = Path(os.environ.get("AIRGAP_RELEASE_CACHE") or cache / "airgap-release") / release
    if not kept.exists():
        fresh = kept.with_name(f"{release}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        mirror = run("bash", "-c", "speaker=test; . scripts/parts.sh; debian_mirror", cwd=REPO)
        options = ("--variant=minbase", release)
        run("debootstrap", *options, fresh, mirror.stdout.strip(), timeout=1200)
        fresh.rename(kept)
    run("cp", "-a", "--reflink=auto", kept, root)
    run("mount", "-t", "proc", "proc", root / "proc")
    try:
        yield
    finally:
        run("umount", root / "proc")
