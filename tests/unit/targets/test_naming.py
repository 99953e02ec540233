"""Names on the other side, and those that are refused before anything is sent."""

from dataclasses import dataclass

import pytest

from airgap.errors import InputError
from airgap.oci.descriptor import OCI_MANIFEST, Descriptor
from airgap.oci.digest import Digest
from airgap.oci.image import Image
from airgap.oci.reference import Reference
from airgap.targets.naming import WITHOUT_HOST, Naming, check_template, parse_map


def image(text: str) -> Image:
    root = Descriptor(OCI_MANIFEST, Digest.of(text.encode()), 10)
    return Image(Reference.parse(text), root, (root,), ())


IMAGES = [
    image("nginx:1.27"),
    image("quay.io/org/app:1"),
    image("localhost:5000/flat:2"),
    image("ghcr.io/a/b/c:3"),
]


@dataclass
class Case:
    naming: Naming
    names: list[str]


@pytest.mark.parametrize(
    "case",
    [
        Case(
            Naming(),
            ["docker.io/library/nginx", "quay.io/org/app", "localhost_5000/flat", "ghcr.io/a/b/c"],
        ),
        Case(
            Naming(prefix="team/mirror/"),
            ["team/mirror/docker.io/library/nginx", "team/mirror/quay.io/org/app",
             "team/mirror/localhost_5000/flat", "team/mirror/ghcr.io/a/b/c"],
        ),
        Case(Naming(template=WITHOUT_HOST), ["library/nginx", "org/app", "flat", "a/b/c"]),
        Case(
            Naming(template="{namespace}-x/{name}", prefix="p"),
            ["p/library-x/nginx", "p/org-x/app", "p/-x/flat", "p/a/b-x/c"],
        ),
        Case(Naming(template="{namespace}/{name}"), ["library/nginx", "org/app", "flat", "a/b/c"]),
        Case(Naming("docker.io", "me", "{name}"), ["me/nginx", "me/app", "me/flat", "me/c"]),
        Case(
            Naming(mapped=parse_map("nginx=web/nginx\nghcr.io/a/b/c:3=c3", "m")),
            ["web/nginx", "quay.io/org/app", "localhost_5000/flat", "c3"],
        ),
    ],
)  # fmt: skip
def test_names(case: Case) -> None:
    assert [case.naming.repository(found.reference) for found in IMAGES] == case.names
    if "p/-x/flat" not in case.names:
        assert list(case.naming.names(IMAGES).values()) == [(name,) for name in case.names]


def test_short_names_come_second_and_hide_nobody() -> None:
    naming = Naming(short_names=True, prefix="p")
    assert list(naming.names(IMAGES).values()) == [
        ("p/docker.io/library/nginx", "p/nginx"), ("p/quay.io/org/app", "p/org/app"),
        ("p/localhost_5000/flat", "p/flat"), ("p/ghcr.io/a/b/c", "p/a/b/c"),
    ]  # fmt: skip
    stripped = Naming(short_names=True, template=WITHOUT_HOST).names(IMAGES)
    assert list(stripped.values())[1] == ("org/app",), "its short name is its own name already"
    clash = Naming(short_names=True, mapped={"quay.io/org/app": "nginx"}).names(IMAGES)
    assert clash[IMAGES[0].reference] == ("docker.io/library/nginx",)


def test_the_most_exact_line_of_a_map_counts() -> None:
    text = """
    # one line for all tags, one for a tag, one for a digest
    quay.io/org/app = all/app   # blanks and comments are nothing
    quay.io/org/app:2=two/app
    quay.io/org/app:3@sha256:{0}=three/app
    """.replace("{0}", "0" * 64)
    naming = Naming(mapped=parse_map(text, "m"))
    found = {
        tag: naming.repository(Reference.parse(f"quay.io/org/app:{tag}"))
        for tag in ("1", "2", "3", f"3@sha256:{'0' * 64}", f"2@sha256:{'1' * 64}")
    }
    assert list(found.values()) == ["all/app", "two/app", "all/app", "three/app", "two/app"]
    assert naming.unused([image("quay.io/org/app:2")]) == [f"quay.io/org/app:3@sha256:{'0' * 64}"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("nginx", "'nginx' has no ="),
        ("nginx=Web/nginx", "no repository"),
        ("nginx=web/nginx:1", "without tag"),
        ("NGINX=x", "lower case"),
        ("nginx=", "no repository"),
        ("nginx=a\nnginx=b", "another name in a line before"),
    ],
)
def test_a_line_of_a_map_that_is_wrong_is_named(text: str, why: str) -> None:
    with pytest.raises(InputError, match=rf"names\.map:{text.count(chr(10)) + 1}: .*{why}"):
        parse_map(text, "names.map")


@pytest.mark.parametrize("text", ["{tag}/x", "{path!r}", "{path:>9}", "{", "{}", "{0}", "{path.x}"])
def test_a_template_that_is_none(text: str) -> None:
    with pytest.raises(InputError, match="name template"):
        check_template(text)


def test_collisions_are_named() -> None:
    images = [image("quay.io/org/app:1"), image("ghcr.io/org/app:1"), image("ghcr.io/org/app:2")]
    with pytest.raises(InputError) as caught:
        Naming(template=WITHOUT_HOST).names(images)
    assert "quay.io/org/app:1 and ghcr.io/org/app:1 would both be org/app:1" in str(caught.value)
    assert "org/app:2" not in str(caught.value)
    assert "--map FILE" in caught.value.hint


def test_one_image_under_two_names_may_share_a_tag() -> None:
    first = image("quay.io/org/app:1")
    second = Image(Reference.parse("ghcr.io/org/app:1"), first.root, first.manifests, ())
    names = Naming(template=WITHOUT_HOST).names([first, second])
    assert set(names.values()) == {("org/app",)}


@pytest.mark.parametrize("prefix", ["Mirror", "team/Mirror", "a//b", "a b", "-x", "a:1"])
def test_a_prefix_that_nobody_could_pull_from(prefix: str) -> None:
    with pytest.raises(InputError, match="no repository may be called so") as caught:
        Naming(prefix=prefix).names(IMAGES)
    if prefix == "Mirror":
        assert caught.value.hint == "write it as mirror"


@pytest.mark.parametrize(
    ("target", "prefix", "form"),
    [
        ("docker.io", "me", "NAMESPACE/NAME"),
        ("docker.io", "", "NAMESPACE/NAME"),
        ("image-registry.openshift-image-registry.svc:5000", "p", "PROJECT/NAME"),
        ("default-route-openshift-image-registry.apps.example.org", "p", "PROJECT/NAME"),
    ],
)
def test_names_with_more_parts_than_a_registry_takes(target: str, prefix: str, form: str) -> None:
    with pytest.raises(InputError, match=form) as caught:
        Naming(target, prefix).names(IMAGES)
    assert "docker.io/library/nginx:1.27 as " in str(caught.value)
    assert "ghcr.io/a/b/c:3 as " in str(caught.value)


def test_a_name_that_no_registry_takes_is_named() -> None:
    with pytest.raises(InputError, match="localhost:5000/flat:2 as p/-x/flat"):
        Naming(prefix="p", template="{namespace}-x/{name}").names(IMAGES)
    with pytest.raises(InputError, match="1 name that the target cannot take"):
        Naming(prefix="/".join(["a" * 100] * 3)[:250]).names(IMAGES[:1])
