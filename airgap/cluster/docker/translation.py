"""What the docker package raises, as errors of ours that say what to do."""

import tarfile
from collections.abc import Iterator
from contextlib import contextmanager

from airgap.cluster.docker.provider import DOCKER, Provider
from airgap.errors import ClusterError, ResourceError

_CONTENT_WORDS = ("invalid tar", "unexpected eof", "checksum", "digest", "archive/tar", "manifest")


@contextmanager
def translated(provider: Provider = DOCKER) -> Iterator[None]:
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
            hint = provider.denied
        elif isinstance(error, docker.errors.APIError):
            hint = f"these are {provider.name}'s own words; look at its log too ({provider.log})"
        else:
            hint = provider.stopped
        raise ResourceError(f"{provider.name}: {text}", hint=hint) from error
    except requests.exceptions.ConnectionError as error:
        refusal = _refusal(error)
        if refusal is None:
            raise _broken_off(error, provider) from error
        hint = provider.stopped
        if isinstance(refusal, PermissionError):
            hint = provider.denied
        message = f"{provider.name} does not answer: {refusal.strerror}"
        raise ResourceError(message, hint=hint) from error
    except (requests.exceptions.RequestException, LookupError, tarfile.TarError) as error:
        raise _broken_off(error, provider) from error


def _refusal(error: BaseException) -> OSError | None:
    """Return why there was no connection at all, None where one broke off later."""
    never = (FileNotFoundError, ConnectionRefusedError, PermissionError, NotADirectoryError)
    seen: BaseException | None = error
    for _ in range(8):  # requests, urllib3 and the socket each wrap the one below
        if seen is None or isinstance(seen, never):
            break
        seen = seen.__cause__ or seen.__context__
    return seen if isinstance(seen, never) else None


def _broken_off(error: Exception, provider: Provider) -> ResourceError:
    return ResourceError(
        f"{provider.speaker} broke off: {_one_line(error)}",
        hint=f"look at its log ({provider.log}), then run the same command again",
    )


def load_error(name: str, text: str, provider: Provider = DOCKER) -> ClusterError | ResourceError:
    """Return why docker did not load an image, told by the daemon's own words.

    Args:
        name: what the image is called.
        text: the daemon's words.
        provider: who refused it.
    """
    who = provider.name
    if "no space left" in text:
        return ResourceError(
            f"{who} has no space left for {name}", hint=f"free some: {who} system df"
        )
    of_content = any(words in text.lower() for words in _CONTENT_WORDS)
    hint = (
        "verify the bundle: airgap verify"
        if of_content
        else f"that is {who}'s own trouble: look at its log ({provider.log}) and its disk"
    )
    return ClusterError(f"{who} refused {name}: {text}", hint=hint)


def _one_line(error: Exception) -> str:
    """Return an error's words whole: what is wrong may stand at their end."""
    return " ".join(str(error).split())[:2000]
