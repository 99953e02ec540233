"""A registry with one image and what is attached to it, packed and pushed as airgap does."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from airgap.bundle.reader import Bundle
from airgap.oci.descriptor import OCI_INDEX
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.pack.pack import pack
from airgap.pack.request import Request
from airgap.pack.result import Result
from airgap.progress import Silent
from airgap.registry.options import Options
from airgap.sources.registry import RegistrySource
from airgap.spec.spec import Spec
from airgap.spec.wanted import Wanted
from airgap.targets.registry import RegistryTarget
from airgap.transfer.check import check
from airgap.transfer.push import push
from airgap.transfer.report import Report
from airgap.transfer.stop import Stop
from tests.support.clock import FakeClock
from tests.support.images import CONFIG, Json, Stock, described
from tests.support.registry import MemoryRegistry

SIMPLE = "application/vnd.dev.cosign.simplesigning.v1+json"
BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"


@dataclass
class Place:
    """A registry with one image, app:1, and what is attached to it."""

    registry: MemoryRegistry
    folder: Path
    clock: FakeClock = field(default_factory=FakeClock)
    names: tuple[str, ...] = ("app:1",)

    def __post_init__(self) -> None:
        self.stock = Stock(self.registry, "app")
        child = self.stock.image(b"base", b"app")
        self.child = described(child)
        self.root = described(self.stock.index("1", amd64=child))

    def attach(
        self, subject: str, content: bytes, *, tag: str = "", lists: bool = False, **about: Json
    ) -> str:
        """Attach by cosign's tag, or as a referrer; ``lists`` writes the fallback tag, too.

        ``annotations`` are those of the layer.
        """
        more: Json = {}
        if not tag:
            there = {"mediaType": OCI_INDEX, "digest": subject, "size": 1}
            more = {"artifactType": BUNDLE, "annotations": {"made": "now"}, "subject": there}
        name = subject.replace(":", "-")
        made = self.stock.artifact(
            self.stock.blob(b"{}", CONFIG),
            self.stock.blob(content, SIMPLE if tag else BUNDLE) | about,
            name=f"{name}{tag}" if tag else "", **more,
        )  # fmt: skip
        if lists:
            self.stock.index(name, made)
        return str(made["digest"])

    def pack(self, **more: Any) -> Result:
        wanted = tuple(Wanted(Reference.parse(f"{self.registry.address}/{n}")) for n in self.names)
        spec = Spec(wanted, platforms=(Platform("linux", "amd64"),))
        request = Request(spec, wanted, self.folder / "b.tar", **more)
        with RegistrySource(Options(clock=self.clock, tries=2)) as source:
            result = pack(request, source, Silent())
        if result.error:
            raise result.error
        with Bundle.open(result.path) as bundle:
            bundle.verify()
        return result

    def push(self, target: MemoryRegistry) -> Report:
        stop = Stop(self.clock)
        options = Options(clock=self.clock)
        with (
            Bundle.open(self.folder / "b.tar") as bundle,
            RegistryTarget(target.address, options, scheme="http", stop=stop) as there,
        ):
            report = push(bundle.images, bundle, there, Silent(), stop=stop)
            report.check()
            check(bundle.images, bundle, there, stop=stop).check()
        return report
