"""docker's kind, proxies, and the clock."""

from datetime import UTC, datetime, timedelta

import pytest

from airgap.cluster.checks import surroundings

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        ({"DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]}, "containerd"),
        ({"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"]]}, "overlay2"),
        ({"DriverStatus": None}, "unknown"),
    ],
)
def test_where_docker_keeps_images(info: dict, expected: str) -> None:
    assert surroundings.store(info) == expected


@pytest.mark.parametrize(
    ("info", "problems"),
    [
        ({"ServerVersion": "28.5.2"}, []),
        ({"ServerVersion": "20.10.24+dfsg1"}, []),
        ({"ServerVersion": "19.03.8"}, ["docker 19.03.8 is older"]),
        ({"ServerVersion": "dev"}, []),
        ({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, ["rootless"]),
        ({"SecurityOptions": None}, []),
        ({"OSType": "windows"}, ["containers for windows"]),
    ],
)
def test_dockers_kind(info: dict, problems: list[str]) -> None:
    found = list(surroundings.docker(info))
    assert len(found) == len(problems)
    for finding, problem in zip(found, problems, strict=True):
        assert problem in finding.problem
        assert finding.remedy


@pytest.mark.parametrize(
    ("info", "problem"),
    [
        ({"ServerVersion": "4.3.1", "NetworkBackend": "netavark"}, ""),
        ({"ServerVersion": "5.8.6"}, ""),
        ({"ServerVersion": "4.2.0", "NetworkBackend": "netavark"}, "podman 4.2.0 is older"),
        ({"ServerVersion": "4.9.4", "NetworkBackend": "cni"}, "made by cni"),
    ],
)
def test_podman_s_kind(info: dict, problem: str) -> None:
    found = list(surroundings.podman(info))
    assert len(found) == bool(problem)
    assert all(problem in f.problem and f.remedy for f in found)
    assert [f.fatal for f in found] == ["cni" in problem] * len(found)


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        ({}, None),
        ({"no": "example.org"}, None),
        ({"https": "http://proxy:3128", "no": "localhost,127.0.0.1"}, None),
        ({"all": "http://proxy:3128", "no": "*"}, None),
        ({"http": "http://proxy:3128"}, "export no_proxy=localhost,127.0.0.1, or unset http_proxy"),
        (
            {"https": "http://proxy:3128", "no": "localhost, corp.example"},
            "export no_proxy=corp.example,localhost,127.0.0.1, or unset https_proxy",
        ),
    ],
)
def test_proxies_that_catch_this_host(settings: dict[str, str], remedy: str | None) -> None:
    found = list(surroundings.proxies(settings))
    assert [finding.remedy for finding in found] == ([remedy] if remedy else [])
    assert not any(finding.fatal for finding in found)


def test_the_clock_against_the_certificate_and_the_bundles_age() -> None:
    valid = (NOW - DAY, NOW + DAY)
    assert not list(surroundings.clock(NOW, NOW - DAY, valid))
    assert not list(surroundings.clock(NOW, None, None))
    (early,) = surroundings.clock(NOW - 2 * DAY, NOW, valid)
    assert early.fatal
    assert "begins on 2026-05-31" in early.problem
    assert "says 2026-05-30 00:00 UTC" in early.problem
    (late,) = surroundings.clock(NOW + 2 * DAY, NOW, valid)
    assert late.fatal
    assert "ended on 2026-06-02" in late.problem
    assert "pack the bundle again" in late.remedy
    (behind,) = surroundings.clock(NOW - 2 * DAY, NOW, None)
    assert not behind.fatal
    assert "made later, on 2026-06-01" in behind.problem
