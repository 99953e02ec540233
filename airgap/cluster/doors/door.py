"""The registry's doors: an open one that only reads, and one that takes content, with a password.

Both are containers of one pod, on one volume. Nodes, and whoever asks for no more than content,
are told of the reader alone.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Door:
    """A door.

    Attributes:
        name: of its container, of its port in the Service, and of its configuration.
        port: where it listens in the pod.
        service_port: where it answers at the Service.
        writes: whether it takes content, and asks for the password then.
    """

    name: str
    port: int
    service_port: int
    writes: bool = False


READER = Door("reader", 5001, 443)
WRITER = Door("writer", 5000, 5000, writes=True)
DOORS = (WRITER, READER)
READ_PORT = 30444
"""The port of the nodes where the reader answers."""
