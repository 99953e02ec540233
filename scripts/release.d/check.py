"""airgap_entry of the twin that is not released: import all that is inside, and tell what fails.

A module that only some command reaches fails there, at the isolated site, and nowhere else. Each of
airgap's must import, with each import inside its functions; one of a package or of the standard
library may fail only for want of what is no part of Linux or was never meant to be here.
"""

import ast
import importlib
import os
import sys
import warnings
import zipfile

_ELSEWHERE = {  # other systems' modules, and what is left out on purpose
    "_bz2", "_ctypes", "_curses", "_dbm", "_gdbm", "_lzma", "_overlapped", "_posixshmem",
    "_scproxy", "_sqlite3", "_tkinter", "_winapi", "_wmi", "ctypes", "msvcrt", "nt", "pydoc_data",
    "readline",
    "test", "tkinter", "winreg", "winsound", "_testinternalcapi", "_testcapi", "_android_support",
    "_ios_support", "curses", "idlelib", "ensurepip", "turtle",
}  # fmt: skip
_NOT_TRIED = {
    "antigravity", "this",  # they act when imported
    "asyncio.windows_events", "asyncio.windows_utils", "encodings.mbcs", "encodings.oem",
    "tqdm._utils",  # broken on every Python: it names what tqdm.utils no longer has
    "tqdm.contrib.slack",
}  # fmt: skip


def main() -> None:
    warnings.simplefilter("ignore")
    with zipfile.ZipFile(sys.executable) as archive:
        names = [name for name in archive.namelist() if name.endswith(".pyc")]
        sources = {n: archive.read(n) for n in archive.namelist() if n.startswith("airgap-source/")}
    failed = [text for name in names if (text := _try(_module(name)))]
    for path, content in sources.items():
        failed += [f"{path}: {t}" for name in _imports(content) if (t := _try(name, strict=True))]
    for text in failed:
        print(text, file=sys.stderr)
    print(f"{len(names)} modules imported, {len(failed)} failed")
    sys.stdout.flush()
    os._exit(bool(failed))  # whatever was imported has nothing to say at the end


def _module(member: str) -> str:
    return member.removesuffix(".pyc").removesuffix("/__init__").replace("/", ".")


def _imports(source: bytes) -> set[str]:
    nodes = list(ast.walk(ast.parse(source)))
    plain = {alias.name for n in nodes if isinstance(n, ast.Import) for alias in n.names}
    return plain | {n.module for n in nodes if isinstance(n, ast.ImportFrom) and n.module}


def _try(name: str, *, strict: bool = False) -> str | None:
    """Import one module; return why it fails where that is a fault of the file."""
    strict = strict or name.partition(".")[0] == "airgap"
    if name in _NOT_TRIED or name.endswith(".__main__"):
        return None
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = (error.name or "").split(".")[0]
        fine = missing in _ELSEWHERE or missing not in sys.stdlib_module_names
        return None if fine and not strict else f"{name}: {error}"
    except BaseException as error:  # some packages refuse by their own kinds of error
        if not strict and not isinstance(error, ImportError):
            return None
        if not strict and any(word in str(error) for word in _ELSEWHERE):
            return None
        return f"{name}: {type(error).__name__}: {error}"
    return None
