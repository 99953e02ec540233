import pytest

from airgap.errors import InputError
from airgap.oci.platform import Platform
from airgap.oci.reference import Reference
from airgap.spec.image_list import merged, parse_line, parse_list
from airgap.spec.wanted import ALL

AMD64, ARM64 = Platform("linux", "amd64"), Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("line", "platforms", "again"),
    [
        ("nginx:1", None, "docker.io/library/nginx:1"),
        ("docker://nginx:1", None, "docker.io/library/nginx:1"),
        ("docker:27", None, "docker.io/library/docker:27"),
        ("oci:5000/app:1", None, "oci:5000/app:1"),
        ("my-registry:5000/app:1", None, "my-registry:5000/app:1"),
        (
            "--platform linux/arm64 nginx:1",
            (ARM64,),
            "--platform linux/arm64 docker.io/library/nginx:1",
        ),
        (
            "nginx:1 --platform=linux/x86_64,linux/arm64",
            (AMD64, ARM64),
            "--platform linux/amd64,linux/arm64 docker.io/library/nginx:1",
        ),
        ("--platform all nginx:1", ALL, "--platform all docker.io/library/nginx:1"),
        (
            "--platform linux/amd64 docker://quay.io/org/app:1 as shop/app:2",
            (AMD64,),
            "--platform linux/amd64 docker://quay.io/org/app:1 as docker.io/shop/app:2",
        ),
        ("nginx:1 as nginx:1", None, "docker.io/library/nginx:1"),
        ("oci:my built/x:1", None, "oci:my built/x:1"),
        (
            "--platform all docker-archive:x.tar:app:1 as app:2",
            ALL,
            "--platform all docker-archive:x.tar:app:1 as docker.io/library/app:2",
        ),
        ("bundle:old.tar", None, "bundle:old.tar"),
    ],
)
def test_lines_and_how_they_are_written_again(line: str, platforms: object, again: str) -> None:
    wanted = parse_line(line)
    assert wanted.platforms == platforms
    assert wanted.line == again
    assert parse_line(again) == wanted


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("--platform linux/arm64", "no image is named"),
        ("--platform", "invalid platform ''"),
        ("nginx --platform", "invalid platform ''"),
        ("--platform linux nginx", "invalid platform 'linux'"),
        ("--pull nginx", "unknown option '--pull'"),
        ("nginx redis", "invalid reference 'nginx redis'"),
        ("nginx as", "invalid reference"),
        ("nginx as redis@sha256:" + "a" * 64, "has a digest"),
        ("https://quay.io/org/app:1", "https:// is no way to name an image"),
        ("docker://", "invalid reference"),
        ("dir:/tmp/x", "airgap takes no image from dir:"),
        ("containers-storage:x", "airgap takes no image from containers-storage:"),
    ],
)
def test_lines_that_are_refused_by_name(line: str, why: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_list(f"busybox\n{line}\n", "l.txt")
    assert caught.value.message.startswith("l.txt:2: ")
    assert why in caught.value.message
    assert caught.value.hint


def test_lines_for_one_image_are_joined() -> None:
    lines = "--platform linux/arm64 a\nb\na\n--platform all c\n--platform linux/arm64 c\n"
    found = merged(parse_list(lines, "l.txt"), (AMD64,))
    assert {w.reference.familiar: w.platforms for w in found} == {
        "a:latest": (ARM64, AMD64),
        "b:latest": (AMD64,),
        "c:latest": ALL,
    }


def test_one_name_for_two_images_is_refused() -> None:
    with pytest.raises(InputError, match="a:latest is to come from two places"):
        merged(parse_list("a\nquay.io/b as a\n", "l.txt"), ALL)


def test_a_new_name() -> None:
    image = "quay.io/org/app:1"
    (wanted,) = parse_list(f"{image} as app\n", "l.txt")
    assert wanted.reference == Reference.parse("app")
    assert wanted.origin == Reference.parse(image)


def test_very_many_lines_for_one_image_are_joined() -> None:
    """Each names a platform of its own: none of them is looked at again for the next."""
    lines = "".join(f"--platform linux/a{number} a\n" for number in range(20_000))
    (found,) = merged(parse_list(lines, "l.txt"), ALL)
    assert [str(platform) for platform in found.platforms or ()][::9999] == [
        "linux/a0", "linux/a9999", "linux/a19998",
    ]  # fmt: skip
