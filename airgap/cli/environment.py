"""What is read from the environment, and nowhere else."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airgap.errors import ResourceError

if TYPE_CHECKING:
    from airgap.cluster.docker.provider import Provider
    from airgap.cluster.docker.registry_login import Docker

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


def home() -> Path | None:
    """Return the user's home; None where there is none, as for a uid without a name."""
    try:
        return Path.home()
    except RuntimeError:
        return None


def docker_config() -> Path | None:
    """Return where docker's config.json is, which holds the credentials; it may not exist."""
    named = os.environ.get("DOCKER_CONFIG")
    folder = Path(named) if named else home()
    if folder is None:
        return None
    return folder / "config.json" if named else folder / ".docker" / "config.json"


def auth_file() -> Path | None:
    """Return containers' auth.json where there is one: podman and skopeo log in there."""
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        return Path(named)
    runtime, folder = os.environ.get("XDG_RUNTIME_DIR"), home()
    paths = [Path(runtime) / "containers" / "auth.json"] if runtime else []
    paths += [folder / ".config" / "containers" / "auth.json"] if folder else []
    return next((path for path in paths if os.path.lexists(path)), None)


def podman_auth() -> Path:
    """Return where podman login writes; it may not exist."""
    if named := os.environ.get("REGISTRY_AUTH_FILE"):
        return Path(named)
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(runtime) if runtime else Path("/run")
    return folder.joinpath("containers", *([] if runtime else [str(os.geteuid())]), "auth.json")


def logins(told: Mapping[str, str], provider: "Provider | None" = None) -> "Docker":
    """Return this user's logins at registries, of what is used, or of what kind would choose."""
    from airgap.cluster.docker.provider import DOCKER, choose
    from airgap.cluster.docker.registry_login import Docker

    try:
        provider = provider or choose(told)
    except ResourceError:
        provider = DOCKER
    file = podman_auth() if provider.auth else docker_config()
    return Docker(file, told, provider.name)


def of_host(provider: str | None) -> dict[str, str]:
    """Return this process's environment, with what is to run the nodes where that was named."""
    from airgap.cluster.docker.provider import VARIABLE

    return dict(os.environ) | ({VARIABLE: provider} if provider else {})


def kubeconfigs() -> list[Path]:
    """Return where kubectl looks for clusters, as kind does; empty where there is no home."""
    listed = [Path(path) for path in os.environ.get("KUBECONFIG", "").split(":") if path]
    if listed:
        return listed
    folder = home()
    return [folder / ".kube" / "config"] if folder else []


def own_file() -> Path:
    """Return the file that runs: airgap as one program, else the script that started it."""
    return Path(sys.executable if getattr(sys, "frozen", False) else sys.argv[0])


def proxies() -> dict[str, str]:
    """Return the proxy settings of the environment; lower-case names win, as in curl."""
    found = {}
    for name in _PROXIES:
        value = os.environ.get(name) or os.environ.get(name.upper())
        if value:
            found[name.removesuffix("_proxy")] = value
    return found


def plain() -> bool:
    """Tell whether the terminal takes no progress bar: a dumb one, or a log of CI."""
    return os.environ.get("TERM") in ("dumb", "unknown") or bool(os.environ.get("CI"))


def source_date_epoch() -> int | None:
    """Return SOURCE_DATE_EPOCH, seconds since 1970, None where it is not set.

    Raises:
        click.UsageError: it is no whole number.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 11:
        raise click.UsageError(f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds since 1970")
    return int(text)
