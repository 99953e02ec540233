"""options: what the registry client needs to know; the command line and unpack fill it in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from airgap.errors import AirgapError
from airgap.transfer.stop import Clock, SystemClock


def not_known() -> None:
    """Say nothing of why a host is silent."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to talk to registries.

    Attributes:
        mirrors: host to ``[http://|https://]HOST[:PORT][/PREFIX]`` that is asked instead.
        ca_files: PEM files with CAs to trust besides the system's.
        ca_pem: the same, in memory.
        insecure: hosts with plain http or unverified TLS.
        trust_realms: token servers on other domains that may get credentials.
        max_wait: seconds to wait at the most where a registry says Retry-After.
        tries: attempts at one request, or at one blob without progress.
        idle: seconds without a byte after which a connection is given up.
        connections: connections to one host; None finds the number by measuring.
        docker_config: docker's config.json; None where there is none.
        auth_file: containers' auth.json, which is asked after it; None where there is none.
        proxies: ``http``, ``https``, ``all``, ``no`` as in the environment's X_proxy.
        cross_origin_upload: allow an upload to go on at another host, without credentials.
        why_silent: is asked after the second try of a request that nobody answered; an error that
            it returns ends the tries, since it knows more of the host than its silence tells.
        clock: what waits go by.
    """

    mirrors: Mapping[str, str] = field(default_factory=dict)
    ca_files: tuple[Path, ...] = ()
    ca_pem: bytes = b""
    insecure: frozenset[str] = frozenset()
    trust_realms: frozenset[str] = frozenset()
    max_wait: float = 600
    tries: int = 6
    idle: float = 60
    connections: int | None = None
    docker_config: Path | None = None
    auth_file: Path | None = None
    proxies: Mapping[str, str] = field(default_factory=dict)
    cross_origin_upload: bool = False
    why_silent: Callable[[], AirgapError | None] = not_known
    clock: Clock = field(default_factory=SystemClock)
