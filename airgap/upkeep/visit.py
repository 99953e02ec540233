"""A visit: the docker daemon, and the turn for a cluster on it."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from airgap.cluster.ports import Engine, Patience, Tools
from airgap.cluster.turn import turn
from airgap.progress import Progress


@contextmanager
def visit(
    name: str, environment: Mapping[str, str], progress: Progress, tools: Tools, *, wait: bool
) -> Iterator[Engine]:
    """Connect to docker, and be the only run at work on a cluster while the block runs.

    Raises:
        ResourceError: docker does not answer.
        BusyError: another run is at work on the cluster.
    """
    engine = tools.engine(environment, Patience())
    daemon = str(engine.info().get("ID") or "")
    with turn(daemon, name, progress, tools.clock, wait=wait):
        yield engine
