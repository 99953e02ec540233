"""The .tgz of a chart, also a hostile one."""

import gzip

import pytest

from airgap.errors import InputError
from airgap.sources.chart.packed import chart_yaml
from tests.support import archives
from tests.support.charts import chart, tgz


def test_the_chart_yaml_of_the_chart_itself() -> None:
    files = {"shop/charts/sub/Chart.yaml": "name: sub", "shop/Chart.yaml": "name: shop"}
    assert chart_yaml(tgz(files), "shop.tgz") == "name: shop"


@pytest.mark.parametrize(
    ("packed", "match"),
    [
        (b"", "truncated"),
        (b"<html>", "no gzip file"),
        (chart()[:-20], "truncated"),
        (gzip.compress(b"x" * 2000, mtime=0), "no tar"),
        (archives.zeros(101), "expands to more than 100 MiB"),
        (tgz({"shop/values.yaml": "a: 1"}), "no Chart.yaml"),
        (tgz({"a/Chart.yaml": "", "b/Chart.yaml": ""}), "more than one Chart.yaml"),
        (tgz({"../Chart.yaml": "name: x"}), "no Chart.yaml"),
        (tgz({"/etc/Chart.yaml": "name: x"}), "no Chart.yaml"),
        (tgz({"shop/Chart.yaml": b"#" * ((1 << 20) + 1)}), "larger than 1 MiB"),
        (tgz({"shop/Chart.yaml": b"\xff\xfe"}), "not UTF-8"),
    ],
)
def test_what_is_no_chart(packed: bytes, match: str) -> None:
    with pytest.raises(InputError, match=rf"shop\.tgz.*{match}"):
        chart_yaml(packed, "shop.tgz")
