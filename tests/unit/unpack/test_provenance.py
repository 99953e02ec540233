from pathlib import Path

import pytest

from airgap.bundle.signature.sign import sign_bundle
from airgap.cluster.site import Site, landed
from airgap.errors import TrustError
from airgap.signatures.secret_key import SecretKey
from tests.unit.unpack.bundles import Run, cluster_bundle, images_bundle

UNKNOWN = "not verified: who made this bundle; --key KEY.pub verifies it"


@pytest.fixture
def key() -> SecretKey:
    return SecretKey.generate()


@pytest.fixture
def run(tmp_path: Path, key: SecretKey) -> Run:
    """A host on which a signed bundle with serial 7 landed."""
    found = Run(tmp_path)
    cluster_bundle(found.path, serial=7)
    sign_bundle(found.path, key, "release 7")
    found(key.public)
    return found


def records(run: Run) -> dict[int | None, tuple[str, ...]]:
    site = Site.find(run.host.engine, "kind", run.host.tools)
    return {each.serial: each.signers for each in landed(site.kube())}


def second(run: Run, serial: int | None, key: SecretKey | None = None) -> None:
    images_bundle(run.path, serial=serial)
    if key:
        sign_bundle(run.path, key, f"release {serial}")


def test_the_first_thing_said_is_who_made_it(run: Run, key: SecretKey, tmp_path: Path) -> None:
    assert run.told.notes[0] == f"signed by {key.public.name} (release 7)"
    assert records(run) == {7: (str(key.public),)}
    other = Run(tmp_path / "other")
    cluster_bundle(other.path)
    other()
    assert other.told.warnings[0] == UNKNOWN


def test_a_later_bundle_needs_no_key_where_the_same_one_signed_it(run: Run, key: SecretKey) -> None:
    second(run, 8, key)
    run(cluster_name="kind")
    assert f"signed by {key.public.name}, as what landed before (release 8)" in run.told.notes
    assert records(run)[8] == (str(key.public),)


@pytest.mark.parametrize("forged", ["unsigned", "signed by another", "same id, other key"])
def test_another_s_bundle_is_refused_and_changes_nothing(
    run: Run, key: SecretKey, forged: str
) -> None:
    other = SecretKey.generate()
    if forged == "same id, other key":
        other = SecretKey._from_seed(key.id, other.seed)
    second(run, 8, None if forged == "unsigned" else other)
    before, pushed = dict(run.host.kube_of("kind").objects), len(run.landed)
    with pytest.raises(TrustError, match=f"was signed by {key.public.name}, and this bundle is"):
        run(cluster_name="kind")
    assert len(run.landed) == pushed
    assert run.host.kube_of("kind").objects == before
    run(cluster_name="kind", accept_unsigned=True)
    assert records(run)[8] == ()


def test_another_signer_is_taken_where_its_key_is_given(run: Run) -> None:
    other = SecretKey.generate()
    second(run, 8, other)
    run(other.public, cluster_name="kind")
    assert records(run)[8] == (str(other.public),)


@pytest.mark.parametrize("serial", [6, None])
def test_an_older_bundle_is_refused_also_with_its_signature(
    run: Run, key: SecretKey, serial: int | None
) -> None:
    second(run, serial, key)
    with pytest.raises(TrustError, match="and serial 7 of it landed here before") as caught:
        run(key.public, cluster_name="kind")
    assert "--allow-rollback" in caught.value.hint
    run(cluster_name="kind", allow_rollback=True)


def test_another_name_has_serials_of_its_own(run: Run, key: SecretKey) -> None:
    images_bundle(run.path, serial=1, name="other")
    sign_bundle(run.path, key, "")
    run(cluster_name="kind")
    assert set(records(run)) == {1, 7}


def test_the_same_bundle_again_keeps_what_is_known_of_it(run: Run, key: SecretKey) -> None:
    run()
    assert records(run) == {7: (str(key.public),)}
    run(accept_unsigned=True)
    assert records(run) == {7: (str(key.public),)}
