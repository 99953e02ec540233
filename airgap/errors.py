"""The errors that airgap raises, one family for each party at fault.

AirgapError
  InputError      3    what the user gave is wrong: list, spec, bundle, reference
  TrustError      4    a signature or certificate is not valid
  NetworkError    5    the network failed, after retries
  ResourceError   6    this host lacks something: space, a port, a daemon
  ClusterError    7    kind, Kubernetes or the registry in the cluster failed
  BusyError       8    another run is at work on the same cluster
  MissingError    9    what was looked for is not there

Every error carries one message that names the object and the cause, and one hint with the
next step. They are caught once, in ``airgap.cli``. Exceptions of other packages are translated
where they arise. Wrong usage (exit code 2) is click's own error.
"""

from collections.abc import Mapping


class AirgapError(Exception):
    """Base of all errors that airgap raises on purpose.

    Attributes:
        message: one line, names the object and the cause.
        hint: one line, the next step; empty where there is none.
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(AirgapError):
    """An image list, spec, bundle or reference is wrong or does not exist."""

    exit_code = 3


class TrustError(AirgapError):
    """A signature, key or certificate is not valid."""

    exit_code = 4


class NetworkError(AirgapError):
    """The network or a registry failed, and retrying did not help."""

    exit_code = 5


class ResourceError(AirgapError):
    """This host lacks what is needed: disk space, a free port, a docker daemon."""

    exit_code = 6


class ClusterError(AirgapError):
    """Kind, Kubernetes or the registry in the cluster failed."""

    exit_code = 7


class BusyError(AirgapError):
    """Another run of airgap is at work on the same thing; once it has ended, this one may begin."""

    exit_code = 8


class MissingError(AirgapError):
    """What was to be found somewhere is not there: the answer is no, and nothing failed."""

    exit_code = 9


def together(failed: Mapping[str, AirgapError], summary: str, hint: str = "") -> AirgapError:
    """Join what failed into one error.

    Args:
        failed: at least one error, by the line that tells it.
        summary: the first line where more than one failed.
        hint: the next step where more than one failed; the first error's own where empty.

    Returns:
        A TrustError where one of them is, else a NetworkError where one is, else an InputError.
    """
    errors = list(failed.values())
    kinds = (TrustError, NetworkError, InputError)
    kind = next((k for k in kinds if any(isinstance(e, k) for e in errors)), AirgapError)
    if len(failed) == 1:
        return kind(*failed, hint=errors[0].hint)
    lines = [summary, *(f"  {text}" for text in failed)]
    return kind("\n".join(lines), hint=hint or errors[0].hint)
