"""kubeconfig: the cluster's entries in the user's file, and taking them out again.

The file is the user's. Entries of airgap's carry an extension as their mark, as minikube's do;
entries of that name that lack it, and are not this cluster's by their CA, are somebody else's and
left alone. The file is replaced as a whole, under the lock that kubectl and kind take.
"""

import base64
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from airgap.cluster.kube.access import Access
from airgap.cluster.ports import Clock
from airgap.errors import ResourceError
from airgap.files import outputs

MARK = "airgap"
_LISTS = ("clusters", "contexts", "users")
_LOCK_SECONDS = 10
_POLL_SECONDS = 0.2
_MAX = 16 << 20

_Config = dict[str, Any]


def place(paths: Sequence[Path]) -> Path | None:
    """Return the file that gets new entries: the first that exists, else the last, as kubectl."""
    return next((path for path in paths if path.exists()), paths[-1] if paths else None)


def check(path: Path) -> None:
    """Find out whether a file can be written: by taking its lock, or by its folder where it is new.

    Raises:
        ResourceError: it cannot, or holds something that is no kubeconfig.
    """
    outputs.landing(path)
    if not any(map(os.path.lexists, (path, _lock(path)))):
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise _denied(path, "Permission denied" if folder.is_dir() else "Not a directory")
        return
    with _locked(path, Clock()):
        _load(path)
    if path.exists() and not os.access(path, os.W_OK):
        raise _denied(path, "Permission denied")


def add(path: Path, name: str, access: Access, clock: Clock, *, ours: bool = True) -> bool:
    """Write a cluster's entries, and make it the current one where it was not in the file.

    Args:
        path: the kubeconfig.
        name: of the kind cluster; the entries are called ``kind-NAME``, as kind does.
        access: how it is reached.
        clock: what the wait for the lock goes by.
        ours: airgap made the cluster. An entry without a mark for one that it did not make is
            somebody's own, and stays.

    Returns:
        Whether the file leads to the cluster now; False where the entry is another cluster's, which
        is left alone.

    Raises:
        ResourceError: it cannot be read or written.
    """
    context = f"kind-{name}"
    with _locked(path, clock):
        value = _load(path)
        entry = _entry(value, "clusters", context) or _entry(value, "contexts", context)
        if entry is not None and not _is_ours(value, context, access.ca_pem if ours else None):
            return not ours and _leads_to(value, context, access)
        before = deepcopy(value)
        previous = value.get("current-context") or ""
        if entry is None:
            value["current-context"] = context
        else:
            previous = _previous(value, context)
        _put(value, context, access, previous)
        if value != before:
            _replace(path, value)
    return True


def forget(path: Path, name: str, ca_pem: bytes | None, clock: Clock) -> bool:
    """Take a cluster's entries out; tells whether they were in it.

    Args:
        path: the kubeconfig.
        name: of the kind cluster.
        ca_pem: the CA of a cluster of airgap's, by which entries without a mark are known; None
            where it is unknown, or the cluster somebody else's.
        clock: what the wait for the lock goes by.

    Raises:
        ResourceError: it cannot be read or written.
    """
    context = f"kind-{name}"
    if not path.exists():
        return False
    with _locked(path, clock):
        value = _load(path)
        if not _is_ours(value, context, ca_pem):
            return False
        previous = _previous(value, context)
        for key in _LISTS:
            value[key] = [entry for entry in _entries(value, key) if entry.get("name") != context]
        if value.get("current-context") == context:
            known = _entry(value, "contexts", previous)
            value["current-context"] = previous if known else ""
        _replace(path, value)
    return True


def leads_to(path: Path, name: str, access: Access) -> bool:
    """Tell whether a file's entry of that name is this cluster's, as it is reached now.

    Raises:
        ResourceError: the file cannot be read.
    """
    return _leads_to(_load(path), f"kind-{name}", access)


def is_foreign(path: Path, name: str) -> bool:
    """Tell whether the file has an entry of that name without airgap's mark."""
    with suppress(ResourceError):
        value = _load(path)
        entry = _entry(value, "clusters", f"kind-{name}")
        return entry is not None and _mark(entry.get("cluster")) is None
    return False


def _leads_to(value: _Config, context: str, access: Access) -> bool:
    cluster = (_entry(value, "clusters", context) or {}).get("cluster")
    return isinstance(cluster, dict) and (
        (cluster.get("server"), cluster.get("certificate-authority-data"))
        == (access.server, _encoded(access.ca_pem))
    )


def _put(value: _Config, context: str, access: Access, previous: str) -> None:
    mark = [{"name": MARK, "extension": {"provider": "airgap", "previous-context": previous}}]
    cluster = {
        "certificate-authority-data": _encoded(access.ca_pem),
        "server": access.server,
        "extensions": mark,
    }
    user = {
        "client-certificate-data": _encoded(access.cert_pem),
        "client-key-data": _encoded(access.key_pem),
    }
    entries: Mapping[str, _Config] = {
        "clusters": {"name": context, "cluster": cluster},
        "contexts": {"name": context, "context": {"cluster": context, "user": context}},
        "users": {"name": context, "user": user},
    }
    for key, entry in entries.items():
        listed = _entries(value, key)
        known = _entry(value, key, context)
        if key == "contexts" and known is not None:
            continue  # a namespace that the user chose stays
        value[key] = [entry if e is known else e for e in listed] if known else [*listed, entry]


def _is_ours(value: _Config, context: str, ca_pem: bytes | None) -> bool:
    """Tell whether the entries are airgap's: by their mark, or by the CA of the cluster."""
    entry = _entry(value, "clusters", context)
    cluster = entry.get("cluster") if entry else None
    if not isinstance(cluster, dict):
        return False
    authority = cluster.get("certificate-authority-data")
    if ca_pem is not None:
        return bool(authority == _encoded(ca_pem) or _mark(cluster) is not None)
    return _mark(cluster) is not None


def _mark(cluster: object) -> _Config | None:
    extensions = cluster.get("extensions") if isinstance(cluster, dict) else None
    for each in extensions if isinstance(extensions, list) else ():
        if isinstance(each, dict) and each.get("name") == MARK:
            found = each.get("extension")
            return found if isinstance(found, dict) else {}
    return None


def _previous(value: _Config, context: str) -> str:
    entry = _entry(value, "clusters", context) or {}
    return str((_mark(entry.get("cluster")) or {}).get("previous-context") or "")


def _entries(value: _Config, key: str) -> list[_Config]:
    return value.get(key) or []


def _entry(value: _Config, key: str, name: str) -> _Config | None:
    return next((entry for entry in _entries(value, key) if entry.get("name") == name), None)


def _encoded(pem: bytes) -> str:
    return base64.b64encode(pem).decode("ascii")


def _load(path: Path) -> _Config:
    """Read a kubeconfig; a file that is not there, or empty, is an empty one."""
    try:
        with path.open("rb") as file:
            value: Any = yaml.safe_load(file.read(_MAX))
    except FileNotFoundError:
        value = None
    except OSError as error:
        raise _denied(path, error.strerror or str(error)) from error
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise _odd(path, "it is not YAML") from error
    if value is None:
        value = {"apiVersion": "v1", "kind": "Config"}
    if not isinstance(value, dict):
        raise _odd(path, "it is no mapping")
    for key in _LISTS:
        entries = value.get(key) or []
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise _odd(path, f"its {key} are no list of mappings")
    return value


def _replace(path: Path, value: _Config) -> None:
    outputs.write(path, yaml.safe_dump(value, sort_keys=False).encode(), 0o600)


def _lock(path: Path) -> Path:
    return path.with_name(f"{path.name}.lock")


@contextmanager
def _locked(path: Path, clock: Clock) -> Iterator[None]:
    """Hold kubectl's lock: a file beside it that is made, and must not exist before."""
    lock = _lock(path)
    end = clock.now() + _LOCK_SECONDS
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            try:
                os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
                break
            except FileExistsError:
                if clock.now() >= end:
                    age = time.time() - lock.stat().st_mtime
                    raise ResourceError(
                        f"the kubeconfig {path} is locked: {lock} is {age:.0f} s old",
                        hint=f"wait for kubectl, or, if none runs: rm {lock}",
                    ) from None
                clock.sleep(_POLL_SECONDS)
    except OSError as error:
        raise _denied(path, error.strerror or str(error)) from error
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()


def _denied(path: Path, why: str) -> ResourceError:
    return ResourceError(
        f"cannot write the kubeconfig {path}: {why}", hint="name another file with --kubeconfig"
    )


def _odd(path: Path, why: str) -> ResourceError:
    return ResourceError(
        f"the kubeconfig {path} cannot be used: {why}",
        hint="mend it, or name another file with --kubeconfig",
    )
