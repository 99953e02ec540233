import pytest
from hypothesis import given
from hypothesis import strategies as st

from airgap.errors import InputError
from airgap.oci.reference import Reference, host_component, short_repositories

HEX = "ab" * 32


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        ("nginx:1.27", "docker.io/library/nginx:1.27"),
        ("org/app:1", "docker.io/org/app:1"),
        ("docker.io/nginx:1", "docker.io/library/nginx:1"),
        ("index.docker.io/library/nginx:1", "docker.io/library/nginx:1"),
        ("quay.io/org/app", "quay.io/org/app:latest"),
        (f"nginx@sha256:{HEX}", f"docker.io/library/nginx@sha256:{HEX}"),
        (f"nginx:1.27@sha256:{HEX}", f"docker.io/library/nginx:1.27@sha256:{HEX}"),
        ("localhost/x", "localhost/x:latest"),
        ("localhost:5000/x:y", "localhost:5000/x:y"),
        ("REG.example.org/x", "reg.example.org/x:latest"),
        ("[2001:db8::1]:5000/a/b:c", "[2001:db8::1]:5000/a/b:c"),
        ("[::1]/a", "[::1]/a:latest"),
        ("kind-control-plane:30443/nginx:1", "kind-control-plane:30443/nginx:1"),
        ("a__b/c-d.e/f--g", "docker.io/a__b/c-d.e/f--g:latest"),
    ],
)
def test_parse_completes_what_docker_leaves_out(text: str, complete: str) -> None:
    reference = Reference.parse(text)
    assert str(reference) == complete
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(reference.familiar) == reference


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "a:b:c", "Nginx", "$(touch x)", "a;b", "--flag", "-x", "../x", "a/../b", "a//b",
        "/a", "a/", "x:", "x:-tag", "x:" + "t" * 129, "x@", "x@sha256:abc", f"x@md5:{HEX}",
        "host:99999/x", "host:/x", "[2001:zz::1]/x", "[1.2.3.4]/x", "a b", "a\nb", "a\0b", "é",
        "x" * 300, "docker.io/" + "a/" * 130 + "a", "http://x/y", "user@host/x", "-a.b/x",
    ],
)  # fmt: skip
def test_all_else_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(InputError, match="invalid reference") as caught:
        Reference.parse(text)
    assert "\n" not in caught.value.message
    assert len(caught.value.message) < 400


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except InputError:
        return
    assert Reference.parse(str(reference)) == reference
    assert Reference.parse(f"x.y/{reference.repository}").path == reference.repository


@pytest.mark.parametrize(
    ("host", "component"),
    [
        ("docker.io", "docker.io"),
        ("localhost:5000", "localhost_5000"),
        ("[2001:db8::1]:5000", "ipv6-2001-db8-0-0-0-0-0-1_5000"),
        ("[::1]", "ipv6-0-0-0-0-0-0-0-1"),
    ],
)
def test_host_as_a_path_component(host: str, component: str) -> None:
    assert host_component(host) == component
    Reference.parse(f"x.y/{component}/app:1")  # it is a valid component


def test_where_an_image_lands() -> None:
    assert Reference.parse("nginx:1").repository == "docker.io/library/nginx"
    assert Reference.parse("nginx:1").short_repository == "nginx"
    assert Reference.parse("org/app:1").short_repository == "org/app"
    assert Reference.parse("quay.io/org/app:1").short_repository == "org/app"


def test_a_short_repository_that_two_claim_is_given_to_none() -> None:
    names = ["nginx:1", "nginx:2", "quay.io/org/app:1", "ghcr.io/org/app:1", "localhost:5000/x"]
    short = short_repositories(map(Reference.parse, names))
    assert short == {"docker.io/library/nginx": "nginx", "localhost:5000/x": "x"}


def test_a_short_repository_never_hides_a_full_one() -> None:
    names = ["quay.io/org/app:1", "docker.io/quay.io/org/app:1"]
    short = short_repositories(map(Reference.parse, names))
    assert "docker.io/quay.io/org/app" not in short
