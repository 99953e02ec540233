"""Put the archive behind the interpreter: all modules, compiled.

The same inputs make the same bytes: members are sorted and dated 1980, and compiled modules name
themselves by their place in the archive. Run by the CPython that is inside.
"""

import argparse
import importlib.util
import io
import zipfile
from collections.abc import Iterator
from importlib._bootstrap_external import _code_to_hash_pyc
from pathlib import Path

_NOT_OURS = {"test", "idlelib", "tkinter", "turtledemo", "turtle.py", "ensurepip", "pydoc_data",
             "lib-dynload", "__pycache__", "site-packages"}  # fmt: skip
_LEFT_OUT = ("certifi-", "tzdata-", "pycparser-")  # boot.py answers for the first
_NATIVE = (
    "bcrypt/",
    "cryptography/",
    "_cffi_backend",
)  # the C parts of other packages only make them quicker
_TIME_ZONES = "/usr/share/zoneinfo:/usr/lib/zoneinfo:/usr/share/lib/zoneinfo:/etc/zoneinfo"
Members = dict[str, bytes]


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--interpreter", "--library", "--wheels", "--own", "--output", "--check"):
        parser.add_argument(name, type=Path, required=True)
    parser.add_argument("--machine", required=True)
    parser.add_argument("--licences", type=Path, nargs="+", required=True)
    parser.add_argument("wheel", type=Path, nargs=1)
    given = parser.parse_args()

    members = dict(_library(given.library))
    for wheel in sorted(given.wheels.glob("*.whl")) + given.wheel:
        if not wheel.name.startswith(_LEFT_OUT):
            members |= _wheel(wheel)
    natives = [n.removeprefix("native/").removesuffix(".so") for n in members if n[:7] == "native/"]
    members["native/names"] = "\n".join(sorted(natives)).encode()
    name = f"_sysconfigdata__linux_{given.machine}-linux-gnu"
    members |= _compiled(f"{name}.py", f"build_time_vars = {{'TZPATH': '{_TIME_ZONES}'}}".encode())
    members |= _compiled("airgap_boot.py", (given.own / "boot.py").read_bytes())
    for folder in given.licences:
        members |= {f"LICENSES/{p.relative_to(folder)}": p.read_bytes()
                    for p in folder.rglob("*") if p.is_file()}  # fmt: skip

    released = members | _compiled("airgap_entry.py", b"from airgap.cli import main\n")
    _write(given.output, given.interpreter, released)
    sources = {f"airgap-source/{n}": c for n, c in _read(given.wheel[0]) if n.endswith(".py")}
    twin = members | sources | _compiled("airgap_entry.py", (given.own / "check.py").read_bytes())
    _write(given.check, given.interpreter, twin)


def _library(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in folder.rglob("*.py"):
        name = path.relative_to(folder)
        if not _NOT_OURS.intersection(name.parts):
            yield from _compiled(str(name), path.read_bytes()).items()


def _read(wheel: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                yield name, archive.read(name)


def _wheel(wheel: Path) -> Members:
    """Return what a wheel brings: modules, data, native modules, and the texts of its licence."""
    members: Members = {}
    project = wheel.name.split("-")[0]
    for name, content in _read(wheel):
        folder, _, rest = name.partition("/")
        if folder.endswith(".dist-info"):
            if any(word in rest.upper() for word in ("LICENSE", "LICENCE", "NOTICE", "COPYING")):
                members[f"LICENSES/{project}/{rest.removeprefix('licenses/')}"] = content
        elif folder.endswith(".data"):
            continue  # man pages: the program prints them
        elif name.endswith(".py"):
            members |= _compiled(name, content)
        elif name.endswith(".so"):
            if name.startswith(_NATIVE):
                members[f"native/{name.split('.')[0].replace('/', '.')}.so"] = content
        elif not name.endswith((".pyi", "py.typed", ".c", ".h", ".pyx", ".pxd")):
            members[name] = content
    return members


def _compiled(name: str, source: bytes) -> Members:
    code = compile(source, name, "exec", dont_inherit=True, optimize=0)
    hashed = _code_to_hash_pyc(code, importlib.util.source_hash(source), checked=False)
    return {f"{name}c": bytes(hashed)}


def _write(path: Path, interpreter: Path, members: Members) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in sorted(members):
            member = zipfile.ZipInfo(name)
            member.external_attr = 0o644 << 16
            archive.writestr(member, members[name], zipfile.ZIP_DEFLATED, 9)
    path.write_bytes(interpreter.read_bytes() + file.getvalue())
    path.chmod(0o755)


main()
