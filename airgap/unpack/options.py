"""How to unpack."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How to unpack.

    Attributes:
        cluster_name: instead of the bundle's; naming one allows to land in a cluster that airgap
            did not make.
        host_port: instead of the bundle's: where the registry answers on this host.
        workers: instead of the bundle's number of worker nodes.
        storage: GiB that the registry's store may take; None for what it was, or is usual.
        retain: keep a cluster that this run made also when a step fails.
        smoke_test: run one pod from the registry at the end.
        kubeconfigs: the files that kubectl looks at; one of them gets the cluster's access.
        verify_first: prove the whole file before anything is changed.
        kind_patch: a kind configuration to merge into the rendered one.
        kind: a kind binary instead of the bundle's.
        accept_unsigned: take a bundle that is not signed by a key of those that landed before.
        allow_rollback: take a bundle with a lower serial than one that landed before.
        own_key: make the registry's key here, also where the bundle carries one.
        registry_auth: who needs a password: ``write``, or ``all`` for reading, too; None for what
            the cluster has.
        attached: bring signatures, attestations and SBOMs, too.
        wait: for another run on the same cluster to end, instead of failing.
        environment: this process's, for docker and kind.
        proxies: ``http``, ``https``, ``all``, ``no`` as in the environment's X_proxy.
    """

    cluster_name: str | None = None
    host_port: int | None = None
    workers: int | None = None
    storage: int | None = None
    retain: bool = False
    smoke_test: bool = True
    kubeconfigs: Sequence[Path] = ()
    verify_first: bool = False
    kind_patch: Path | None = None
    kind: Path | None = None
    accept_unsigned: bool = False
    allow_rollback: bool = False
    own_key: bool = False
    registry_auth: str | None = None
    attached: bool = True
    wait: bool = False
    environment: Mapping[str, str] = field(default_factory=dict)
    proxies: Mapping[str, str] = field(default_factory=dict)
