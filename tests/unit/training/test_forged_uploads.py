"""Who may send to the upload queue writes what S3 would: none of it brings data from elsewhere, or takes any away."""

from __future__ import annotations

from sluice.spec.model import ModelSpec

from functions.start_pipeline.app import run as start_pipeline
from tests.fakes.sluice_world import sluice_world
from tests.unit.training.test_intake import GOOD, RAW, batch, created, returned


def test_an_upload_to_another_bucket_is_no_training_data() -> None:
    """One of the same account, whose policy lets the roles of the stack read, would be trained on."""
    world = sluice_world()
    world.bucket.objects["data/fraud/a.csv"] = GOOD
    forged = created("data/fraud/b.csv")
    forged["detail"]["bucket"]["name"] = "of-an-attacker"
    world.bucket.objects["data/fraud/b.csv"] = GOOD
    assert returned(start_pipeline(batch("a", forged), world.ports)) == ["m1"], "it fails alone"
    world.wake()
    manifests = [body for key, body in world.bucket.objects.items() if key.startswith("manifests/")]
    assert manifests
    assert not any(b"of-an-attacker" in body for body in manifests)


def test_an_upload_that_names_no_version_is_the_one_that_s3_has() -> None:
    """As another one it would be checked again, and hide the accepted file once the contract has changed."""
    world = sluice_world()
    world.bucket.objects["data/fraud/a.csv"] = GOOD
    start_pipeline(batch("a"), world.ports)
    columns = [{"name": "age", "type": "number", "max": 1}]
    world.specs.specs["fraud"] = ModelSpec.parse({**RAW, "data": {**RAW["data"], "columns": columns}})
    assert returned(start_pipeline(batch(created("data/fraud/a.csv", version="")), world.ports)) == []
    assert world.bucket.objects["data/fraud/a.csv"] == GOOD
    assert "DataRejected" not in world.events.kinds()
