import httpx
import pytest

from airgap.registry.places import Places, is_loopback, literal
from tests.support.stack import addresses

KNOWN = addresses(
    registry_example=["93.184.216.34"],
    inside_example=["10.0.0.5"],
    cdn_example=["93.184.216.40", "2606:2800:220:1::1"],
    half_example=["93.184.216.40", "169.254.169.254"],
    here_example=["127.0.0.1"],
)


@pytest.mark.parametrize(
    ("start", "target", "may"),
    [
        # from the open: into the open alone
        ("https://registry.example", "https://cdn.example/x", True),
        ("https://registry.example", "https://unknown.example/x", True),
        ("https://registry.example", "https://registry.example:8443/x", True),
        ("https://registry.example", "https://169.254.169.254/latest", False),
        ("http://registry.example", "http://169.254.169.254/latest", False),
        ("https://registry.example", "https://[fe80::1]/", False),
        ("https://registry.example", "https://127.0.0.1/", False),
        ("https://registry.example", "https://127.1/", False),
        ("https://registry.example", "https://2130706433/", False),
        ("https://registry.example", "https://0x7f000001/", False),
        ("https://registry.example", "https://0.0.0.0/", False),
        ("https://registry.example", "https://[::1]/", False),
        ("https://registry.example", "https://[::ffff:127.0.0.1]/", False),
        ("https://registry.example", "https://[::ffff:169.254.169.254]/", False),
        ("https://registry.example", "https://localhost/", False),
        ("https://registry.example", "https://x.localhost/", False),
        ("https://registry.example", "https://here.example/", False),
        ("https://registry.example", "https://half.example/", False),
        ("https://registry.example", "https://10.0.0.5/", False),
        ("https://registry.example", "https://192.168.1.1/", False),
        ("https://registry.example", "https://100.100.100.200/", False),
        ("https://registry.example", "https://[fd00:ec2::254]/", False),
        # its certificate proves that the name means what is there
        ("https://registry.example", "https://inside.example/", True),
        ("http://registry.example", "http://inside.example/", False),
        ("https://unknown.example", "https://10.0.0.5/", False),
        # from inside
        ("https://10.0.0.1", "https://10.0.0.5/", True),
        ("http://inside.example", "https://10.0.0.5/", True),
        ("https://10.0.0.1", "https://127.0.0.1/", False),
        ("https://10.0.0.1", "https://169.254.169.254/", False),
        ("https://10.0.0.1", "https://cdn.example/", True),
        # from this machine
        ("http://127.0.0.1:5000", "http://localhost:9000/", True),
        ("http://localhost:5000", "http://10.0.0.5/", True),
        ("http://127.0.0.1:5000", "http://169.254.169.254/", False),
        ("http://[::1]:5000", "http://127.0.0.1:9000/", True),
    ],
)
def test_nobody_is_led_further_in(start: str, target: str, may: bool) -> None:
    assert Places(KNOWN).may_lead(httpx.URL(start), httpx.URL(target)) is may


def test_each_name_is_looked_up_once() -> None:
    asked: list[str] = []
    places = Places(lambda host: asked.append(host) or ["93.184.216.34"])  # type: ignore[func-returns-value]
    for _ in range(3):
        places.may_lead(httpx.URL("https://a.example"), httpx.URL("https://b.example"))
    assert asked == ["b.example"]


@pytest.mark.parametrize("name", ["a.example", "1.example.org", "3com", "", "x", "1password.com"])
def test_names_are_no_addresses(name: str) -> None:
    assert literal(name) is None


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True),
        ("[::1]", True), ("10.0.0.1", False), ("a.example", False), ("localhost.example", False),
    ],
)  # fmt: skip
def test_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback
