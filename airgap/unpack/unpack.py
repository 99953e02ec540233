"""unpack: from a bundle file to a kind cluster whose own registry serves every image.

The work is a list of steps. Each is idempotent: it says what it did, or that it was done
already; a second run does nothing, an interrupted one goes on. A cluster that this run made is
removed when a step before the last image fails; one that existed is never touched beyond
airgap's own objects.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from airgap.bundle.reader import Bundle
from airgap.cluster import kubeconfig
from airgap.cluster.doors.login import Entrance
from airgap.cluster.kind import chosen
from airgap.cluster.objects.landed import Landed
from airgap.cluster.parameters import NAMESPACE, Parameters
from airgap.cluster.ports import Engine, Kind, Kube, Patience, Tools
from airgap.cluster.site import Site
from airgap.cluster.site import landed as landed_before
from airgap.cluster.store import look
from airgap.cluster.turn import turn
from airgap.cluster.workspace import private_folder
from airgap.progress import Progress, count
from airgap.transfer.report import Report
from airgap.unpack import cluster, host, landed, provenance, registry, room
from airgap.unpack.ahead import Ahead, Content
from airgap.unpack.cluster import Making
from airgap.unpack.options import Options
from airgap.unpack.receipt import Receipt
from airgap.unpack.repair import repair
from airgap.unpack.steps import Steps

PROVE, CHECK, NODE = "Prove the whole bundle", "Check this host", "Load the node image"
CLUSTER, IMPORT = "Create the cluster", "Put the registry image on its node"
TRUST, START, PUSH = "Make the nodes trust the registry", "Start the registry", "Push the images"
RECORD, SMOKE = "Record what landed", "Run a pod from the registry"

Land = Callable[[Content, Entrance, Progress], Report]
"""Sends a bundle's images into a registry."""


@dataclass(frozen=True, slots=True)
class _Job:
    """What a run is given."""

    bundle: Bundle
    options: Options
    progress: Progress
    tools: Tools
    steps: Steps
    folder: Path
    access_file: Path | None


@dataclass(frozen=True, slots=True)
class _Host:
    """What the run found on this host: a cluster, or kind to make one."""

    engine: Engine
    parameters: Parameters
    source: Site | Kind

    @property
    def is_new(self) -> bool:
        """Whether the cluster is to be made."""
        return not isinstance(self.source, Site)

    @property
    def endpoint(self) -> str:
        """Where this host reaches the registry."""
        return f"localhost:{self.parameters.host_port}"


def unpack(
    bundle: Bundle,
    options: Options,
    progress: Progress,
    tools: Tools | None = None,
    land: Land = registry.push_images,
) -> Receipt:
    """Bring up a cluster that serves every image of ``bundle``.

    Args:
        bundle: an open one.
        options: how.
        progress: is told each step.
        tools: how docker, kind and Kubernetes are reached.
        land: how the images get into the registry.

    Raises:
        InputError: the bundle is damaged, or lacks what a new cluster needs.
        TrustError: the certificate in it is not valid.
        ResourceError: this host lacks something; all findings are named at once.
        ClusterError: kind, Kubernetes or the registry failed.
        BusyError: another run is at work on the cluster.
    """
    tools = tools or Tools()
    begun = tools.clock.now()
    provenance.announce(bundle, progress)
    parameters = host.parameters_for(bundle, options)
    steps = Steps(_titles(options), progress)
    with steps.told_on_failure(), private_folder() as folder, ExitStack() as held:
        access_file = kubeconfig.place(options.kubeconfigs)
        job = _Job(bundle, options, progress, tools, steps, folder, access_file)
        if options.verify_first:
            with steps.step(PROVE) as tell:
                bundle.verify(progress)
                tell("every byte is as its digest says")
        here = _check_host(job, parameters, held)
        making = Making.begin(here.engine, tools, parameters.cluster_name)
        with (
            cluster.removed_on_failure(making, access_file, options, progress),
            Ahead(bundle, at_work=here.is_new, attached=options.attached) as content,
        ):
            site, kube, written = _bring_up(job, here, making)
            before = landed_before(kube)
            cluster.check_running(site, before)
            parameters = room.limited(bundle, here.parameters, before, options.storage)
            here = replace(here, parameters=parameters)
            signers = provenance.check(bundle, before, options, progress)
            report = _fill(job, here, site, kube, before, land, content)
        made = site.nodes if here.is_new else []
        known = landed.node_ids(bundle, before, made)
        _conclude(job, here, site, kube, (signers, known))
    return Receipt(
        bundle=bundle.path,
        digest=str(bundle.digest),
        cluster=site.name,
        registry=here.endpoint,
        created=here.is_new,
        images=sum(not image.attached for image in bundle.images),
        steps=steps.done,
        push=report,
        kubeconfig=written,
        seconds=tools.clock.now() - begun,
    )


def _titles(options: Options) -> list[str]:
    return [
        *([PROVE] if options.verify_first else []),
        *(CHECK, NODE, CLUSTER, IMPORT, TRUST, START, PUSH, RECORD),
        *([SMOKE] if options.smoke_test else []),
    ]


def _check_host(job: _Job, parameters: Parameters, held: ExitStack) -> _Host:
    """Take the turn for the cluster, and find everything that would stop a later step."""
    bundle, options, progress, tools = job.bundle, job.options, job.progress, job.tools
    name = parameters.cluster_name
    with job.steps.step(CHECK) as tell:
        engine = tools.engine(options.environment, Patience())
        info = engine.info()
        daemon = str(info.get("ID") or "")
        held.enter_context(turn(daemon, name, progress, tools.clock, wait=options.wait))
        found = cluster.usable(Site.look(engine, name, tools), bundle, progress)
        if found is not None:
            here = _Host(engine, cluster.adopted(found, parameters), found)
        else:
            chosen(parameters, options.kind_patch)  # refused before anything is made
            kind = tools.kind(host.kind_binary(bundle, options, job.folder), engine.environment)
            progress.detail(f"kind {kind.version()}")
            here = _Host(engine, parameters, kind)
        needs = host.needs(bundle, here.parameters, new_cluster=here.is_new)
        host.check(host.findings(needs, engine, info, bundle, options), progress)
        tell("nothing stands in the way")
    return here


def _bring_up(job: _Job, here: _Host, making: Making) -> tuple[Site, Kube, Path | None]:
    """Let kind make the cluster, or take the one that exists; write the access to it."""
    parameters, name = here.parameters, here.parameters.cluster_name
    image, image_id = here.engine.provider.prefix + parameters.node_image, ""
    with job.steps.step(NODE) as tell:
        if here.is_new and job.bundle.node:
            load = cluster.load_node_image
            loaded, image_id = load(here.engine, job.bundle.node, job.bundle, image)
            if loaded:
                tell(f"as {image}")
    with job.steps.step(CLUSTER) as tell:
        if isinstance(here.source, Site):
            site = here.source
            kube = site.kube()
            cluster.wait_for(site, kube)
            if kept := landed.kept(site, kube, job.bundle, parameters):
                tell(kept)
        else:
            cluster.check_nodes(here.engine, [], image, image_id)
            cluster.make(here.source, parameters, making, job.options.kind_patch, job.folder)
            site = cluster.finished(Site.look(here.engine, name, job.tools), name)
            cluster.check_nodes(here.engine, site.nodes, image, image_id)
            kube = site.kube()
            tell(f"{name}: {count(len(site.nodes), 'node')}")
        cluster.warn_of(site, job.progress)
        cluster.check_owner(site, kube, job.bundle, job.options)
        return site, kube, cluster.write_access(site, job.access_file, job.progress)


def _fill(
    job: _Job, here: _Host, site: Site, kube: Kube,
    before: Sequence[Landed], land: Land, content: Content,
) -> Report:  # fmt: skip
    """Start the registry, let the nodes believe it, and push the images."""
    bundle, parameters = job.bundle, here.parameters
    with job.steps.step(IMPORT) as tell:
        image = parameters.registry_image
        if registry.import_image(site, bundle, image):
            tell(f"as {image} on {site.control_plane.name}")
        for pod in registry.end_foreign(site, kube, bundle, before):
            tell(f"{pod} ran what no bundle brought, and was ended")
    with job.steps.step(TRUST) as tell:
        own = job.options.own_key
        tls = registry.choose_tls(kube, bundle, parameters, job.progress, own=own)
        reading = registry.Reading.choose(kube, job.options.registry_auth)
        hosts = registry.hosts(bundle, before)
        tell_nodes = partial(registry.trust_nodes, site, hosts, parameters, tls.ca_pem)
        if files := tell_nodes(reading.told):
            tell(f"{count(files, 'file')} written on {count(len(site.nodes), 'node')}")
    with job.steps.step(START) as tell:
        changed, login = registry.start(site, kube, bundle, parameters, tls, reading)
        if reading.told != reading.wanted:
            tell_nodes(reading.wanted)
        if changed:
            tell(f"it answers at {here.endpoint}")
    with job.steps.step(PUSH) as tell:
        there = look(site.control_plane)
        room.check(there, bundle, parameters)
        repair(site.control_plane, there, bundle, before, job.progress)
        entrance = Entrance(here.endpoint, tls.ca_pem, login, site.why_silent)
        report = land(content, entrance, job.progress)
        tell(report.summary())
    return report


def _conclude(
    job: _Job, here: _Host, site: Site, kube: Kube, proofs: tuple[Sequence[str], Sequence[str]]
) -> None:
    """Note what landed, by whom and on what nodes, and prove it."""
    with job.steps.step(RECORD) as tell:
        record = landed.record(kube, job.bundle, here.parameters, *proofs)
        announced = landed.announce(kube, here.endpoint, job.progress)
        if record:
            tell(f"in ConfigMap {NAMESPACE}/{record}")
        elif announced:
            tell(f"the registry is announced as {here.endpoint}")
    if job.options.smoke_test:
        with job.steps.step(SMOKE) as tell:
            tell(landed.smoke(site, kube, job.bundle, job.progress))
