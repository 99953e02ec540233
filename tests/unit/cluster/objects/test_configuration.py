import yaml

from airgap.cluster.doors.door import READER, WRITER
from airgap.cluster.objects import configuration


def test_the_writer_asks_for_a_password_and_takes_sparse_indexes_and_urls() -> None:
    config = yaml.safe_load(configuration.render(WRITER))
    assert config["auth"]["htpasswd"]["path"] == "/login/htpasswd"
    assert config["validation"]["manifests"]["indexes"] == {"platforms": "none"}
    assert config["validation"]["manifests"]["urls"] == {"allow": ["^https?://"]}
    assert config["storage"]["delete"] == {"enabled": True}
    assert config["storage"]["maintenance"]["uploadpurging"]["age"] == "24h"
    assert config["http"]["addr"] == ":5000"


def test_the_reader_is_open_and_changes_nothing() -> None:
    config = yaml.safe_load(configuration.render(READER))
    assert "auth" not in config
    assert config["storage"]["delete"] == {"enabled": False}
    assert config["storage"]["maintenance"] == {
        "readonly": {"enabled": True}, "uploadpurging": {"enabled": False},
    }  # fmt: skip
    assert config["http"]["addr"] == ":5001"
