"""What lies around a run and may come into its way: docker's kind, proxies, the clock.

Each check looks at values that were read elsewhere, and returns what is not as it should be.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from airgap.cluster.checks.finding import Finding

_OLDEST_DOCKER, _OLDEST_PODMAN = (20, 10), (4, 3)
_LOCAL = ("localhost", "127.0.0.1")
_SNAPSHOTTER = "io.containerd.snapshotter.v1"


def store(info: Mapping[str, Any]) -> str:
    """Return where docker keeps images: ``containerd``, or the name of its storage driver.

    Args:
        info: what ``docker info`` says.
    """
    for entry in info.get("DriverStatus") or ():
        if list(entry) == ["driver-type", _SNAPSHOTTER]:
            return "containerd"
    return str(info.get("Driver") or "unknown")


def docker(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at what kind of daemon docker is.

    Args:
        info: what ``docker info`` says.
    """
    yield from _old("docker", info, _OLDEST_DOCKER)
    if any("name=rootless" in str(option) for option in info.get("SecurityOptions") or ()):
        yield Finding(
            "docker runs rootless, and kind's nodes then need cgroup v2 with delegation",
            "see kind's page on rootless docker, or use a docker that runs as root",
            fatal=False,
        )
    if str(info.get("OSType") or "linux") != "linux":
        yield Finding(
            f"docker runs containers for {info['OSType']}, and nodes are for linux",
            "let docker run Linux containers",
        )


def podman(info: Mapping[str, Any]) -> Iterator[Finding]:
    """Look at what kind of podman there is.

    Args:
        info: what its API says, and which network it has.
    """
    yield from _old("podman", info, _OLDEST_PODMAN)
    backend = info.get("NetworkBackend")
    if backend and backend != "netavark":
        yield Finding(
            f"podman's networks are made by {backend}, with which kind's nodes do not find each"
            " other by name",
            'install netavark and aardvark-dns, and set network_backend = "netavark" in the section'
            " [network] of /etc/containers/containers.conf; podman system reset may be needed",
        )


def _old(name: str, info: Mapping[str, Any], oldest: tuple[int, int]) -> Iterator[Finding]:
    version = str(info.get("ServerVersion") or "")
    numbers = re.match(r"(\d+)\.(\d+)", version)
    if numbers and (int(numbers[1]), int(numbers[2])) < oldest:
        yield Finding(
            f"{name} {version} is older than all that airgap was tried with",
            f"use {name} {oldest[0]}.{oldest[1]} or newer",
            fatal=False,
        )


def proxies(settings: Mapping[str, str]) -> Iterator[Finding]:
    """Look at proxies that nodes would inherit, and that would catch what is on this host.

    Args:
        settings: ``http``, ``https``, ``all``, ``no`` as in the environment's X_proxy.
    """
    set_here = [name for name in ("http", "https", "all") if settings.get(name)]
    if not set_here:
        return
    spared = {entry.strip() for entry in settings.get("no", "").split(",")}
    caught = [] if "*" in spared else [name for name in _LOCAL if name not in spared]
    if caught:
        names = " and ".join(f"{name}_proxy" for name in set_here)
        yield Finding(
            f"{names} would catch {' and '.join(caught)} too: kind hands them to its nodes",
            f"export no_proxy={','.join([*sorted(spared - {''}), *caught])}, or unset {names}",
            fatal=False,
        )


def clock(
    now: datetime, created: datetime | None, valid: tuple[datetime, datetime] | None
) -> Iterator[Finding]:
    """Look at the time of this host against a bundle's.

    Args:
        now: this host's time, with a time zone.
        created: when the bundle says it was made; None where it does not.
        valid: from when until when the certificate in it counts; None where it carries none.
    """
    shown = now.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    if valid and not valid[0] <= now <= valid[1]:
        early = now < valid[0]
        edge = valid[0] if early else valid[1]
        yield Finding(
            f"the bundle's certificate {'begins' if early else 'ended'} on {edge:%Y-%m-%d}, and"
            f" this host's clock says {shown}",
            "set the clock" + ("" if early else ", or pack the bundle again for a new certificate"),
        )
    elif created and now < created:
        yield Finding(
            f"this host's clock says {shown}, and the bundle was made later, on {created:%Y-%m-%d}",
            "set the clock: certificates that unpack makes would begin too early",
            fatal=False,
        )
