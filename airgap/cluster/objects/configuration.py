"""What the registry is told at each of its doors.

Follows the configuration of distribution 3, and suits the official ``registry:3`` and
``registry:2`` images.
"""

from functools import cache
from typing import Any

import yaml

from airgap.cluster.doors.door import Door

CONTENT, CERTIFICATE, LOGIN = "/var/lib/registry", "/certs", "/login"
"""Where the container finds its content, its certificate, and the password's hash."""


@cache
def render(door: Door, *, guarded: bool = False) -> str:
    """Return the configuration file of a door; ``guarded`` where reading needs a password, too."""
    config: dict[str, Any] = {
        "version": 0.1,
        # The kubelet asks every second: each request logged would fill the node's disk.
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": _writing() if door.writes else _reading(),
        "http": {
            "addr": f":{door.port}",
            "draintimeout": "10m",  # a pod that is given up ends what it has begun to send
            "tls": {
                "certificate": f"{CERTIFICATE}/tls.crt",
                "key": f"{CERTIFICATE}/tls.key",
            },
        },
    }
    if door.writes or guarded:
        config["auth"] = {"htpasswd": {"realm": "airgap", "path": f"{LOGIN}/htpasswd"}}
    if door.writes:
        # An index may come without all its children, and a manifest may name where its layers
        # live: without the second, registry:3 answers such a manifest with 500.
        config["validation"] = {
            "manifests": {"indexes": {"platforms": "none"}, "urls": {"allow": ["^https?://"]}}
        }
    return yaml.safe_dump(config, sort_keys=False)


def _writing() -> dict[str, Any]:
    purging = {"enabled": True, "age": "24h", "interval": "6h", "dryrun": False}
    return {
        "filesystem": {"rootdirectory": CONTENT},
        "delete": {"enabled": True},
        "maintenance": {"uploadpurging": purging},  # of uploads that nobody finished
    }


def _reading() -> dict[str, Any]:
    return {
        "filesystem": {"rootdirectory": CONTENT},
        "delete": {"enabled": False},
        "maintenance": {"readonly": {"enabled": True}, "uploadpurging": {"enabled": False}},
    }
