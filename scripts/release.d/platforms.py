"""Write what the single file must run on, one JSON file for pex each: platforms.py FOLDER.

A platform that is only named, such as manylinux_2_28_aarch64, does not take the wheels of older
systems that run there as well; so every tag is spelled out.
"""

import json
import sys
from pathlib import Path

from packaging import tags

MACHINES = ("x86_64", "aarch64")
PYTHONS = ((3, 11), (3, 12), (3, 13), (3, 14))
NEWEST_GLIBC, OLDEST_GLIBC = 28, 17


def main(folder: Path) -> None:
    for machine in MACHINES:
        for python in PYTHONS:
            name = f"{machine}-{python[0]}.{python[1]}.json"
            (folder / name).write_text(json.dumps(platform(machine, python), indent=1))


def platform(machine: str, python: tuple[int, int]) -> dict[str, object]:
    glibcs = range(NEWEST_GLIBC, OLDEST_GLIBC - 1, -1)
    systems = [f"manylinux_2_{minor}_{machine}" for minor in glibcs]
    systems += [f"manylinux2014_{machine}", f"linux_{machine}"]
    version = f"{python[0]}.{python[1]}"
    compatible = [
        *tags.cpython_tags(python, platforms=systems),
        *tags.compatible_tags(python, f"cp{python[0]}{python[1]}", systems),
    ]
    return {
        "compatible_tags": [str(tag) for tag in compatible],
        "marker_environment": {
            "implementation_name": "cpython",
            "implementation_version": f"{version}.0",
            "os_name": "posix",
            "platform_machine": machine,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "python_full_version": f"{version}.0",
            "python_version": version,
            "sys_platform": "linux",
        },
    }


main(Path(sys.argv[1]))
