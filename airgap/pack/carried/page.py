"""The bundle's own page, airgap/README: for whoever finds the file and never heard of airgap.

It is written from what is inside, so every line of it can be done with this very file.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass

from airgap.oci.platform import Platform
from airgap.progress import count

_WIDTH = 80


@dataclass(frozen=True, slots=True)
class Facts:
    """What the page tells.

    Attributes:
        name: of the bundle.
        images: how many it has, without node and registry.
        platform: of the host for which programs and cluster are, or would be.
        cluster: whether it brings up a cluster.
        tool: the platform of the airgap inside; None where there is none.
        program: what a release calls airgap for that host.
        sparse: how many images carry some of their platforms only.
        secret: whether the registry's private key is inside.
        files: how many files of the sender are inside.
    """

    name: str
    images: int
    platform: Platform
    cluster: bool
    tool: Platform | None
    program: str
    sparse: int = 0
    secret: bool = False
    files: int = 0


def page(facts: Facts) -> str:
    """Return the page; lines that begin with four blanks are commands."""
    blocks = (
        *_what(facts), *_needs(facts), *_check(), *_uses(facts), *_without(facts), *_more()
    )  # fmt: skip
    return "\n".join(blocks)


def _what(facts: Facts) -> Iterator[str]:
    yield _prose(
        f"This file is a bundle, {facts.name!r}: {count(facts.images, 'container image')} to be"
        " carried to a place without a network."
        + (" It also brings all that a new Kubernetes cluster needs." if facts.cluster else "")
        + (f" {count(facts.files, 'file')} of the sender: airgap/files/." if facts.files else "")
        + " It is a plain tar, made by the program airgap. FILE below is its name, REGISTRY the"
        " address of a registry."
    )
    if facts.secret:
        yield _prose(
            "It is secret: airgap/tls.key is the private key of the registry's certificate."
        )


def _needs(facts: Facts) -> Iterator[str]:
    yield _head("What you need")
    if facts.cluster:
        yield _prose(
            f"For the cluster, a {facts.platform} host with docker; kubectl to use it. No network,"
            " and no kind: the file brings it."
        )
    if facts.tool:
        yield _prose(
            f"airgap itself is in this file, for {facts.tool}, and needs nothing else to be"
            " installed, no Python either. It is checked before it can run:"
        )
        yield _lines(
            "tar xf FILE SHA256SUMS airgap/bin/airgap",
            "grep '  airgap/bin/airgap$' SHA256SUMS | sha256sum -c &&",
            '  PATH="$PWD/airgap/bin:$PATH"',
        )
    else:
        yield _prose(
            f"This file does not carry airgap. Ask the sender for the program {facts.program} of a"
            " release, or for airgap to be installed with Python 3.11 or newer. Much can be done"
            " without it: see below."
        )


def _check() -> Iterator[str]:
    yield _head("Who made it, and is it whole?")
    yield _prose(
        "The digest that pack printed is the first line's; have it, or the sender's public key"
        " (SENDER.pub), told on another way than the file. Neither is the sha256sum of the file."
    )
    yield _lines(
        "tar xOf FILE SHA256SUMS | sha256sum",
        "airgap verify FILE",
        "airgap verify FILE --key SENDER.pub",
    )
    yield _prose(
        "Without airgap, in a new folder; if nobody signed it, SHA256SUMS.minisig is empty lines:"
    )
    yield _lines(
        "mkdir look && tar xf FILE -C look SHA256SUMS SHA256SUMS.minisig",
        "minisign -Vm look/SHA256SUMS -p SENDER.pub",
        "tar xf FILE -C look",
        "(cd look && sha256sum -c --quiet SHA256SUMS)",
    )


def _uses(facts: Facts) -> Iterator[str]:
    yield _head("What to do with it, by kind of site")
    if facts.cluster:
        yield _prose("A host with docker: a new cluster whose registry has every image.")
        yield _lines("airgap doctor --bundle FILE", "airgap unpack FILE")
    yield _prose(
        "A registry that is there, such as Harbor (log in with docker login first)."
        + _about_sparse(facts)
    )
    yield _lines(f"airgap push FILE REGISTRY{' --flatten' if facts.sparse else ''}")
    yield _prose("k3s or RKE2, without a registry; then restart it:")
    yield _lines(
        "airgap export FILE -o images.tar", "cp images.tar /var/lib/rancher/k3s/agent/images/"
    )
    yield _prose("Hosts that can reach this one: the file itself answers as a registry.")
    yield _lines("airgap serve FILE --plain-http")


def _about_sparse(facts: Facts) -> str:
    if not facts.sparse:
        return ""
    return (
        f" {count(facts.sparse, 'image')} here carry some of their platforms only, which most"
        " registries refuse; --flatten pushes the one platform, under another digest"
        " (airgap/help/sparse-indexes.txt)."
    )


def _without(facts: Facts) -> Iterator[str]:
    yield _head("Without airgap")
    more = " It loads the node's and the registry's image, too." if facts.cluster else ""
    yield _prose(f"Plain docker, or podman: all images that have a tag.{more}")
    yield _lines("docker load -i FILE")
    yield _prose(
        "One image into a registry; REFERENCE is its full name, such as"
        " docker.io/library/nginx:1.27. All names are in airgap.json."
    )
    yield _lines(
        "tar xOf FILE airgap.json",
        "skopeo copy docker-archive:FILE:REFERENCE docker://REGISTRY/NAME",
    )


def _more() -> Iterator[str]:
    yield _head("More")
    yield _prose(
        "The whole documentation is in the file: a list of the pages, and one that tells what to"
        " do when something fails. With airgap, airgap help TOPIC shows a page, and"
        " airgap help errors WORDS finds an error by a few of its words."
    )
    yield _lines("tar xOf FILE airgap/help/README.txt", "tar xOf FILE airgap/help/troubleshoot.txt")


def _head(text: str) -> str:
    return f"{text}\n{'-' * len(text)}\n"


def _prose(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False) + "\n"


def _lines(*commands: str) -> str:
    return "".join(f"    {command}\n" for command in commands)
