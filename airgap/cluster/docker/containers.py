"""What containerd's own program says of containers that Kubernetes asked for."""

import base64
import json
from collections.abc import Iterator
from typing import Any

_METADATA = "io.cri-containerd.container.metadata"
_POD, _NAME = "io.kubernetes.pod.name", "io.kubernetes.container.name"


def made_from(text: str) -> dict[tuple[str, str], str]:
    """Return the containers by pod and name, to the digest of the config each was made from.

    Args:
        text: what ``ctr containers info`` says of each, one after the other.

    Raises:
        ValueError: it is no JSON.
        LookupError, TypeError: it is not what containerd says.
    """
    found = sorted(_objects(text), key=lambda each: str(each["CreatedAt"]))
    return {(each["Labels"][_POD], each["Labels"][_NAME]): _image(each) for each in found}


def _image(container: dict[str, Any]) -> str:
    """Return the digest; the container's own ``Image`` is a name, and so no proof."""
    value = base64.b64decode(container["Extensions"][_METADATA]["value"])
    return str(json.loads(value)["Metadata"]["ImageRef"])


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder, place = json.JSONDecoder(), 0
    while rest := text[place:].lstrip():
        value, length = decoder.raw_decode(rest)
        yield value
        place = len(text) - len(rest) + length
