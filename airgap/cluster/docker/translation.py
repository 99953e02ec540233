"""What the docker package raises, as errors of ours that say what to do."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from airgap.errors import ClusterError, ResourceError

_CONTENT_WORDS = ("invalid tar", "unexpected eof", "checksum", "digest", "archive/tar", "manifest")


@contextmanager
def translated() -> Iterator[None]:
    """Turn the docker package's errors within the block into ours.

    Raises:
        ResourceError: the daemon does not answer, broke off, or refused; in its own words.
    """
    import docker.errors
    import requests.exceptions

    try:
        yield
    except docker.errors.DockerException as error:
        text = _one_line(error)
        if "permission denied" in text.lower():
            hint = "run as root, or add yourself to the group docker"
        elif isinstance(error, docker.errors.APIError):
            hint = "these are docker's own words; look at its log too (journalctl -u docker)"
        else:
            hint = "start the docker daemon, then run the same command again"
        raise ResourceError(f"docker: {text}", hint=hint) from error
    except requests.exceptions.ConnectionError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise _broken_off(error) from error
        hint = "start the docker daemon, then run the same command again"
        if isinstance(refusal, PermissionError):
            hint = "run as root, or add yourself to the group docker"
        raise ResourceError(f"docker does not answer: {refusal.strerror}", hint=hint) from error
    except (requests.exceptions.RequestException, LookupError, tarfile.TarError) as error:
        raise _broken_off(error) from error


def _refusal(error: BaseException) -> OSError | None:
    """Return why there was no connection at all, None where one broke off later."""
    never = (FileNotFoundError, ConnectionRefusedError, PermissionError, NotADirectoryError)
    seen: BaseException | None = error
    for _ in range(8):  # requests, urllib3 and the socket each wrap the one below
        if seen is None or isinstance(seen, never):
            break
        seen = seen.__cause__ or seen.__context__
    return seen if isinstance(seen, never) else None


def _broken_off(error: Exception) -> ResourceError:
    return ResourceError(
        f"the docker daemon broke off: {_one_line(error)}",
        hint="look at its log (journalctl -u docker), then run the same command again",
    )


def load_error(name: str, text: str) -> ClusterError | ResourceError:
    """Return why docker did not load an image, told by the daemon's own words.

    Args:
        name: what the image is called.
        text: the daemon's words.
    """
    if "no space left" in text:
        return ResourceError(
            f"docker has no space left for {name}", hint="free some: docker system df"
        )
    of_content = any(words in text.lower() for words in _CONTENT_WORDS)
    hint = (
        "prove the bundle: airgap verify"
        if of_content
        else "that is docker's own trouble: look at its log (journalctl -u docker) and its disk"
    )
    return ClusterError(f"docker refused {name}: {text}", hint=hint)


def _one_line(error: Exception) -> str:
    """Return an error's words whole: what is wrong may stand at their end."""
    return " ".join(str(error).split())[:2000]
