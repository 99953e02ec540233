"""The programs that are compared: how each packs forty images into one file, and pushes them.

Each does its work the way that its own documentation tells, with its own defaults. What takes
one image at a time is called in a loop, what writes a folder is followed by tar.
"""

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.data import Images
from bench.servers import Certificate

BUNDLE = "out.tar"
HOST = "docker.io/"
"""What airgap puts before each name: images of different hosts never collide in a registry."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command finds what it needs.

    Attributes:
        programs: the folder of the Go programs that the bench built.
        airgap: airgap itself.
        address: the registry that is read or written.
        names: the repositories, each with one image under the tag 1.
        layouts: a folder for each image, an OCI layout of it alone; ``all`` holds every image.
        certificate: of the registry, None where it speaks plain http.
    """

    programs: Path
    airgap: Path
    address: str
    names: Sequence[str]
    layouts: Path = Path()
    certificate: Certificate | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What makes a Go program trust the registry's CA."""
        return {"SSL_CERT_FILE": str(self.certificate.ca)} if self.certificate else {}


Arguments = list[str]
Verb = Callable[[Place, Path], Arguments]


def flat(name: str) -> str:
    """Return ``name`` as one word, a tag in a layout or the name of a folder."""
    return name.replace("/", "-")


def _loop(lines: Sequence[str], end: str = "") -> Arguments:
    return ["sh", "-ec", "\n".join([*lines, end])]


def _tar(folder: str = "out") -> str:
    return f"tar cf {BUNDLE} -C {folder} ."


def _airgap_pack(place: Place, folder: Path) -> Arguments:
    """``airgap pack``, with the list of images that a person would write."""
    (folder / "images.txt").write_text("".join(f"{name}:1\n" for name in place.names))
    mirror = f"docker.io={place.address}"
    options = ["-o", BUNDLE, "--images-only", "--registry-mirror", mirror, "-q"]
    return [str(place.airgap), "pack", "images.txt", *options, *_airgap_ca(place)]


def _airgap_ca(place: Place) -> Arguments:
    return ["--ca", str(place.certificate.ca)] if place.certificate else []


def _crane_pack(place: Place, _folder: Path) -> Arguments:
    references = [f"{place.address}/{name}:1" for name in place.names]
    return [str(place.programs / "crane"), "pull", *references, BUNDLE]


def _crane_pack_oci(place: Place, _folder: Path) -> Arguments:
    references = " ".join(f"{place.address}/{name}:1" for name in place.names)
    return _loop([f"{place.programs}/crane pull --format=oci {references} out"], _tar())


def _oras_pack(place: Place, _folder: Path) -> Arguments:
    plain = "" if place.certificate else "--from-plain-http"
    copy = f"{place.programs}/oras copy --no-tty {plain} --to-oci-layout"
    lines = [f"{copy} {place.address}/{name}:1 out:{flat(name)}" for name in place.names]
    return _loop(lines, _tar())


def _skopeo_pack(place: Place, _folder: Path) -> Arguments:
    tls = f"--src-cert-dir={place.certificate.ca.parent}" if place.certificate else ""
    copy = f"skopeo copy -q {tls or '--src-tls-verify=false'}"
    lines = [
        f"{copy} docker://{place.address}/{name}:1 oci:out:{flat(name)}" for name in place.names
    ]
    return _loop(lines, _tar())


def _airgap_push(place: Place, folder: Path) -> Arguments:
    bundle = str(place.layouts / BUNDLE)
    return [str(place.airgap), "push", bundle, place.address, "-q", *_airgap_ca(place)]


def _crane_push(place: Place, _folder: Path) -> Arguments:
    crane = place.programs / "crane"
    return _loop(
        [f"{crane} push {place.layouts}/{flat(n)} {place.address}/{n}:1" for n in place.names]
    )


def _regctl_push(place: Place, _folder: Path) -> Arguments:
    tls = "enabled" if place.certificate else "disabled"
    copy = f"{place.programs}/regctl --host reg={place.address},tls={tls} image copy"
    layout = f"ocidir://{place.layouts}/all"
    return _loop([f"{copy} {layout}:{flat(n)} {place.address}/{n}:1" for n in place.names])


def _skopeo_push(place: Place, _folder: Path) -> Arguments:
    tls = f"--dest-cert-dir={place.certificate.ca.parent}" if place.certificate else ""
    copy = f"skopeo copy -q {tls or '--dest-tls-verify=false'} oci:{place.layouts}/all"
    return _loop([f"{copy}:{flat(n)} docker://{place.address}/{n}:1" for n in place.names])


PACK: Mapping[str, Verb] = {
    "airgap": _airgap_pack,
    "crane": _crane_pack,
    "crane oci + tar": _crane_pack_oci,
    "oras + tar": _oras_pack,
    "skopeo + tar": _skopeo_pack,
}
PUSH: Mapping[str, Verb] = {
    "airgap": _airgap_push,
    "crane": _crane_push,
    "regctl": _regctl_push,
    "skopeo": _skopeo_push,
}


def curl(images: Images, connections: int = 8) -> Verb:
    """Return the floor: all blobs, as they are, by curl; neither hashed nor put into one file."""

    def command(place: Place, folder: Path) -> Arguments:
        (folder / "out").mkdir()
        (folder / "curl.cfg").write_text(
            "".join(
                f'url = "http://{place.address}/v2/{name}/blobs/{digest}"\n'
                f'output = "out/{digest[7:]}"\n'
                for digest, (_, name) in images.blobs.items()
            )
        )
        quick = ["-sS", "--fail", "--parallel", "--parallel-immediate"]
        return ["curl", *quick, "--parallel-max", str(connections), "-K", "curl.cfg"]

    return command


def versions(programs: Path) -> dict[str, list[str]]:
    """Return the command that prints the version of each program."""
    return {
        "crane": [str(programs / "crane"), "version"],
        "oras": [str(programs / "oras"), "version"],
        "regctl": [str(programs / "regctl"), "version"],
        "distribution": [str(programs / "registry"), "--version"],
        "skopeo": shlex.split("skopeo --version"),
        "curl": shlex.split("curl --version"),
        "tar": shlex.split("tar --version"),
        "python": shlex.split("python3 --version"),
    }
