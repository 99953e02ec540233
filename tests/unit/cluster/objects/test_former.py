import hashlib
from dataclasses import replace

import pytest

from airgap.cluster.objects import former, registry_yaml
from airgap.cluster.parameters import Parameters
from airgap.errors import InputError

PARAMETERS = Parameters("sha256:" + "ab" * 32, "sha256:" + "cd" * 32)
SHA256 = "7774704c8777f82f4ba1b47073694c9a77a24650be3a17111ddc4273fdfb125d"


def test_the_file_of_releases_before_is_known_byte_for_byte() -> None:
    assert hashlib.sha256(former.render_yaml(PARAMETERS)).hexdigest() == SHA256


def test_it_fits_bundles_of_those_releases_alone() -> None:
    theirs = former.render_yaml(PARAMETERS)
    registry_yaml.check_yaml(theirs, PARAMETERS)
    with pytest.raises(InputError, match="is not what airgap renders"):
        registry_yaml.check_yaml(theirs, PARAMETERS.with_doors)
    with pytest.raises(InputError, match="is not what airgap renders"):
        registry_yaml.check_yaml(registry_yaml.render_yaml(PARAMETERS.with_doors), PARAMETERS)


def test_each_parameter_has_its_place() -> None:
    one = replace(
        PARAMETERS, cluster_name="shop", storage=7, node_port=31000,
        registry_digest="sha256:" + "ef" * 32,
    )  # fmt: skip
    text = former.render_yaml(one).decode()
    for part in ("- shop-control-plane", "storage: 7Gi", "nodePort: 31000", "sha256-efefefefefef"):
        assert part in text
    assert "{" not in text
