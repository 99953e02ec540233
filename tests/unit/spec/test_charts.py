"""What stands behind ``helm:``, and the charts of a definition."""

from pathlib import Path

import pytest

from airgap.errors import InputError
from airgap.spec.definition import read_definition
from airgap.spec.image_list import parse_line
from airgap.spec.wanted import Placed, Wanted

URL = "https://charts.example.org/stable"


@pytest.mark.parametrize(
    ("line", "again"),
    [
        (f"helm:{URL}/shop:1.2.3", f"helm:{URL}/shop:1.2.3"),
        (f"helm:{URL}/shop:1.2.3+b as a.example/x:1", f"helm:{URL}/shop:1.2.3+b as a.example/x:1"),
        ("helm:https://h.example/shop:v1", "helm:https://h.example/shop:v1"),
        ("helm:charts/shop-1.tgz", "helm:charts/shop-1.tgz"),
        ("helm:oci://h.example/x/shop:1.2.3+b", "h.example/x/shop:1.2.3_b"),
    ],
)
def test_lines(line: str, again: str) -> None:
    assert parse_line(line).line == again


@pytest.mark.parametrize(
    ("line", "match"),
    [
        ("helm:", "names no chart"),
        ("helm:shop", "names no chart"),
        (f"helm:{URL}/shop", "names no chart and version"),
        (f"helm:{URL}/shop:latest", "names no chart and version"),
        ("helm:https://:1/shop:1", "names no chart and version"),
        ("helm:https://[::1/shop:1", "names no chart and version"),
        ("helm:https://me:pw@h.example/shop:1", "names no chart and version"),
        ("helm:https://h.example/a?b/shop:1", "names no chart and version"),
        ("helm:ftp://h.example/shop:1", "names no chart and version"),
        ("helm:https://h.example/" + "a" * 600 + "/shop:1", "names no chart and version"),
        ("helm:oci://h.example/shop", "has no version"),
        ("helm:oci://h.example:5000/shop", "has no version"),
        ("helm:x.tgz as no:name:at:all", "invalid reference"),
    ],
)
def test_lines_that_say_no_chart(line: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        parse_line(line)


def test_a_definition_has_charts_in_both_forms() -> None:
    value = {
        "charts": [
            f"{URL}/shop:1.2.3",
            "helm:x.tgz",
            {"chart": "t", "repository": f"{URL}/", "version": "2.0.0", "as": "a.example/t:2.0.0"},
            {"chart": "oci://h.example/tool", "version": "1.0.0"},
        ]
    }  # fmt: skip
    images = read_definition(value, "d.yaml", Path()).images
    assert [one.line for one in images] == [
        f"helm:{URL}/shop:1.2.3",
        "helm:x.tgz",
        f"helm:{URL}/t:2.0.0 as a.example/t:2.0.0",
        "h.example/tool:1.0.0",
    ]
    assert [type(one) for one in images] == [Placed, Placed, Placed, Wanted]


@pytest.mark.parametrize(
    ("charts", "match"),
    [
        ("x", "charts: expected a list"),
        ([1], "charts: expected a list"),
        (["shop"], r"charts\[0\]: 'helm:shop' names no chart"),
        ([{"version": "1"}], r"charts\[0\]: chart: is missing"),
        ([{"chart": "x", "repo": "y"}], r"charts\[0\]: repo: unknown key"),
        ([{"chart": "x", "repository": URL, "version": 1.2}], "is no text"),
    ],
)
def test_charts_that_are_none(charts: object, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read_definition({"charts": charts}, "d.yaml", Path())
