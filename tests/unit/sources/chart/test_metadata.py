"""Chart.yaml as JSON of helm's types."""

import json

import pytest

from airgap.errors import InputError
from airgap.sources.chart.metadata import read

_FULL = """
version: 1.2.3+build.7
name: shop
apiVersion: v2
appVersion: 1.10
description: "a <b> & c"
deprecated: false
keywords: [one, 2]
annotations: {z: "1", a: 2}
maintainers: [{name: Me, email: me@x, unknown: 1}]
dependencies:
- {name: sub, version: 1.0, repository: "https://x", enabled: true, import-values: [data]}
icon: null
unknown: [1]
"""


def test_members_have_helms_order_and_types() -> None:
    found = read(_FULL, "x")
    assert (found.name, found.version) == ("shop", "1.2.3+build.7")
    told = json.loads(found.config)
    assert list(told) == [
        "name", "version", "description", "keywords", "maintainers", "apiVersion", "appVersion",
        "annotations", "dependencies",
    ]  # fmt: skip
    assert told["appVersion"] == "1.10"
    assert told["keywords"] == ["one", "2"]
    assert told["annotations"] == {"a": "2", "z": "1"}
    assert told["maintainers"] == [{"name": "Me", "email": "me@x"}]
    dependency = told["dependencies"][0]
    assert (dependency["version"], dependency["enabled"]) == ("1.0", True)
    assert rb'"a \u003cb\u003e \u0026 c"' in found.config


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "no YAML mapping"),
        ("- a", "no YAML mapping"),
        ("name: a\n---\nname: b", "no YAML mapping"),
        ("version: 1.0.0", "'' is no name"),
        ("name: ../x\nversion: 1.0.0", "'../x' is no name"),
        ("name: a/b\nversion: 1.0.0", "'a/b' is no name"),
        ("name: shop", "'' is no version"),
        ("name: shop\nversion: latest", "'latest' is no version"),
        ("name: shop\nversion: [1]", "expected a text"),
        ("name: shop\nversion: 1.0.0\nmaintainers: me", "expected a list"),
        ("name: shop\nversion: 1.0.0\nannotations: [a]", "expected a mapping"),
        ("name: &a shop\nversion: *a", "anchors and aliases"),
        ("[" * 1000, "nested deeper"),
    ],
)
def test_what_is_none(text: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        read(text, "shop.tgz")
