"""Signed images with an SBOM, and a chart, as somebody has them in a registry before they cross."""

from dataclasses import dataclass
from pathlib import Path

import yaml

from tests.e2e.conftest import REPO, Lab
from tests.e2e.test_main_job import SPEC, Story
from tests.support.charts import chart
from tests.support.clients import BY_TLS, Clients

FORMS = {"2": "shop/by-tag", "3": "shop/by-referrer"}
"""Which image each cosign signed: one finds its signatures by tags, the other by referrers."""
CHART = "charts.example.org/x/shop"
HERE = "localhost:30443"


@dataclass(frozen=True)
class Signed:
    """The images at the source; signed and described once.

    Attributes:
        digests: of the images, by cosign's release.
    """

    lab: Lab
    folder: Path
    digests: dict[str, str]

    @classmethod
    def made(cls, lab: Lab, folder: Path) -> "Signed":
        """Make them in the upstream that stands for docker.io, in repositories of their own."""
        folder.mkdir()
        programs = Clients(lab.env, folder)
        programs.run("cosign-3", "generate-key-pair")
        hub, digests = lab.env["hub"], {}
        for version, name in FORMS.items():
            there = f"{hub}/{name}"
            programs.run("crane", "copy", f"{hub}/library/busybox:1.36", f"{there}:1")
            digests[version] = programs.run("crane", "digest", f"{there}:1").strip()
            programs.sign(version, f"{there}@{digests[version]}")
            programs.attach(f"{there}@{digests[version]}")
        (folder / "shop-1.2.3.tgz").write_bytes(chart(version="1.2.3+b.7"))
        return cls(lab, folder, digests)

    def add_to(self, spec: Path) -> None:
        """Have a definition name them, too."""
        value = yaml.safe_load(SPEC)
        value["images"] += [f"{name}:1" for name in FORMS.values()]
        (spec.parent / "shop.tgz").write_bytes((self.folder / "shop-1.2.3.tgz").read_bytes())
        value["charts"] = [f"shop.tgz as {CHART}:1.2.3_b.7"]
        spec.write_text(yaml.safe_dump(value))

    def there(self, story: Story) -> Clients:
        """Return clients on the isolated host, logged in to the cluster's registry."""
        return Clients.logged_in(
            self.lab.env, self.folder, HERE, ("airgap", story.secret("password")),
            story.ca().encode(), [REPO / "scripts/lab", "exec"], KUBECONFIG=str(story.kubeconfig),
        )  # fmt: skip

    def check(self, programs: Clients) -> None:
        """Prove the signatures and find the SBOMs, as people do on the other side."""
        for version, digest in self.digests.items():
            there = f"{HERE}/docker.io/{FORMS[version]}:1"
            programs.verify(version, there)
            programs.find_sbom(digest, there, *BY_TLS)
