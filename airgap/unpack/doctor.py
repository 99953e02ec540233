"""doctor: everything that would come into the way of unpack, found without changing anything."""

import platform
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from airgap.bundle.reader import Bundle
from airgap.cluster import host_trust
from airgap.cluster.checks import preflight, surroundings
from airgap.cluster.checks.finding import Finding
from airgap.cluster.docker import provider
from airgap.cluster.parameters import Parameters
from airgap.cluster.ports import Engine, Patience, Tools
from airgap.cluster.site import Site
from airgap.errors import AirgapError
from airgap.progress import count, size
from airgap.unpack import cluster, host
from airgap.unpack.landed import another_node
from airgap.unpack.options import Options

_SECONDS = 30
"""What docker may take for an answer, and nodes for all of theirs: a host under load is well."""


@dataclass(frozen=True, slots=True)
class Examination:
    """What was looked at, and what is not as it should be.

    Attributes:
        facts: what was found, by name, in the order in which it was looked at.
        findings: what comes into the way.
    """

    facts: Mapping[str, str]
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_ready(self) -> bool:
        """Whether nothing would stop unpack."""
        return not any(finding.fatal for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return facts and findings as JSON has them."""
        return {
            "ready": self.is_ready,
            "facts": dict(self.facts),
            "findings": [
                {"problem": f.problem, "remedy": f.remedy, "fatal": f.fatal} for f in self.findings
            ],
        }


def examine(bundle: Bundle | None, options: Options, tools: Tools | None = None) -> Examination:
    """Look at this host as unpack would, for a bundle or for any.

    Args:
        bundle: an open one; None where there is none yet.
        options: as for unpack.
        tools: how docker is reached.
    """
    tools = tools or Tools()
    facts = {"host": f"{platform.system()} {platform.release()}, {platform.machine()}"}
    facts["time"] = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    facts["kubectl"] = shutil.which("kubectl", path=options.environment.get("PATH")) or "not here"
    found = [] if bundle else [*surroundings.proxies(options.proxies)]
    facts["kind"] = _kind(bundle, options)
    patience = replace(Patience.within(_SECONDS, tools.clock), docker=_SECONDS)
    try:
        engine = tools.engine(options.environment, patience)
        info = engine.info()
    except AirgapError as error:
        stops = Finding(error.message, f"{error.hint} (pack, push and serve need none)")
        return Examination(facts | {_provider(options): "not reached"}, [*found, stops])
    facts |= _daemon(engine, info)
    try:
        found += _site(bundle, options, engine, info, tools, patience, facts)
    except AirgapError as error:
        found.append(_stops(error))
    return Examination(facts, found)


def _provider(options: Options) -> str:
    """Return the name of what would run the nodes."""
    try:
        return provider.choose(options.environment).name
    except AirgapError:
        return provider.DOCKER.name


def _daemon(engine: Engine, info: Mapping[str, Any]) -> dict[str, str]:
    root = Path(str(info.get("DockerRootDir") or "/var/lib/docker"))
    facts = {
        engine.provider.name: f"{info.get('ServerVersion') or 'unknown'},"
        f" {surroundings.store(info)} store, cgroup v{info.get('CgroupVersion') or 1}",
        "memory": size(int(info.get("MemTotal") or 0)),
    }
    if root.is_dir():
        facts["room"] = f"{size(shutil.disk_usage(root).free)} free in {root}"
    return facts


def _site(
    bundle: Bundle | None,
    options: Options,
    engine: Engine,
    info: dict[str, Any],
    tools: Tools,
    patience: Patience,
    facts: dict[str, str],
) -> list[Finding]:
    """Look at the cluster that there is, and at what a bundle, or any, needs of this host."""
    parameters = host.parameters_for(bundle, options) if bundle else host.usual(options)
    site = Site.look(engine, parameters.cluster_name, tools, patience)
    facts["cluster"] = _told(site, parameters.cluster_name)
    if site and not site.is_half_made and bundle and another_node(site, bundle, parameters):
        facts["cluster"] += "; it keeps its node image, the bundle's makes new clusters alone"
    new = site is None or site.is_half_made
    found = [*_left(site, parameters.cluster_name), *_refused(site, parameters, bundle, options)]
    if bundle is None:
        needs = preflight.Needs(parameters, "", 0, 0, new)
        return [*found, *preflight.check(info, needs, engine.provider)]
    needs = host.needs(bundle, parameters, new_cluster=new)
    facts["bundle"] = f"{bundle.path}, needs about {size(needs.room)}"
    return [*found, *host.findings(needs, engine, info, bundle, options)]


def _left(site: Site | None, name: str) -> Iterator[Finding]:
    """Look for what an earlier run left."""
    remove = f"airgap teardown --cluster-name {name}"
    if site and site.is_half_made:
        problem = f"the cluster {name} was left half made by an earlier run"
        yield Finding(problem, f"airgap unpack makes it again; {remove} removes it", fatal=False)
    if site is None and host_trust.left(name):
        problem = f"this host still trusts the registry of a cluster {name} that is gone"
        yield Finding(problem, f"{remove} forgets it", fatal=False)


def _refused(
    site: Site | None, parameters: Parameters, bundle: Bundle | None, options: Options
) -> Iterator[Finding]:
    """Find why unpack would not take the cluster that there is, or not make one."""
    try:
        if site and not site.is_half_made:
            cluster.adopted(site, parameters)
        elif bundle:
            cluster.check_brings_one(bundle)
            if not host.carries_kind(bundle):
                host.installed_kind(options)
    except AirgapError as error:
        yield _stops(error)


def _kind(bundle: Bundle | None, options: Options) -> str:
    """Tell which kind program unpack would use, or pack would carry."""
    if bundle and host.carries_kind(bundle):
        return "the bundle's"
    found = shutil.which("kind", path=options.environment.get("PATH"))
    return found or "not here: pack of a cluster wants it, unpack takes the bundle's"


def _told(site: Site | None, name: str) -> str:
    if site is None:
        return f"{name}: none; unpack makes it"
    if site.is_half_made:
        return f"{name}: left half made by an earlier run; unpack makes it again"
    made = "made by airgap" if site.is_ours else "not made by airgap"
    rest = f", {len(site.resting)} not running: airgap up" if site.resting else ""
    return f"{name}: {made}, {count(len(site.nodes), 'node')}{rest}"


def _stops(error: AirgapError) -> Finding:
    return Finding(error.message, error.hint)
