"""Data capture: what clients sent and what they got, as objects in S3."""

import json
from collections import defaultdict
from typing import Any

from localaws.service_api import RecordedCall
from localaws.tests.contract.services.sagemaker.endpoints.stage import BUCKET, Stage, eventually, wanted_variant


def capture(percent: int = 100, **more: Any) -> dict[str, Any]:
    return {
        "EnableCapture": True,
        "InitialSamplingPercentage": percent,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
        "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
        **more,
    }


def captured(stage: Stage, endpoint: str) -> dict[str, list[dict[str, Any]]]:
    """The records of each variant so far."""
    s3 = stage.aws.client("s3")
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    prefix = f"captured/{endpoint}/"
    for entry in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", ()):
        variant, year, month, day, hour, name = entry["Key"].removeprefix(prefix).split("/")
        assert (len(year), len(month), len(day), len(hour)) == (4, 2, 2, 2)
        assert name.endswith(".jsonl")
        body = s3.get_object(Bucket=BUCKET, Key=entry["Key"])["Body"].read().decode()
        found[variant] += [json.loads(line) for line in body.splitlines()]
    return found


def test_production_and_shadow_are_captured_under_their_names(guarded: Stage) -> None:
    low, high = guarded.model("kept-p", "low"), guarded.model("kept-s", "high")
    shadows = [wanted_variant("candidate", high, 1.0)]
    guarded.config("kept", {"live": (low, 1.0)}, ShadowProductionVariants=shadows, DataCaptureConfig=capture())
    shown = guarded.create("kept", "kept")
    assert shown["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": f"s3://{BUCKET}/captured",
        "KmsKeyId": "",
    }
    answers = {f"id-{n}": guarded.invoke("kept", f"0.{n},0.5,0.5", InferenceId=f"id-{n}")[0] for n in range(5)}
    records = eventually(
        lambda: captured(guarded, "kept"), lambda found: [len(found[v]) for v in ("live", "candidate")] == [5, 5]
    )
    event_ids = [record["eventMetadata"]["eventId"] for variant in records.values() for record in variant]
    assert len(set(event_ids)) == 10
    by_id = {
        variant: {record["eventMetadata"]["inferenceId"]: record["captureData"] for record in records[variant]}
        for variant in records
    }
    for n, (inference_id, answer) in enumerate(answers.items()):
        live, candidate = by_id["live"][inference_id], by_id["candidate"][inference_id]
        assert live["endpointInput"] == candidate["endpointInput"]
        assert live["endpointInput"]["data"] == f"0.{n},0.5,0.5"
        assert (live["endpointInput"]["encoding"], live["endpointOutput"]["data"]) == ("CSV", answer)
        assert float(candidate["endpointOutput"]["data"]) > 10 > float(answer)


def test_a_sample_of_nothing_is_nothing_and_failures_are_not_captured(guarded: Stage) -> None:
    model = guarded.model("some", "script-low")
    guarded.create("none", guarded.config("none", {"v1": (model, 1.0)}, DataCaptureConfig=capture(0)))
    guarded.create("some", guarded.config("some", {"v1": (model, 1.0)}, DataCaptureConfig=capture()))
    guarded.invoke("none")
    for row in ("-1,0,0", "0,0,0"):
        try:
            guarded.invoke("some", row)
        except guarded.runtime.exceptions.ModelError:
            assert row.startswith("-")
    (record,) = eventually(lambda: captured(guarded, "some")["v1"], bool)
    assert record["captureData"]["endpointInput"]["data"] == "0,0,0"
    assert captured(guarded, "none") == {}


def test_a_role_that_may_not_write_loses_the_data_and_no_request(guarded: Stage) -> None:
    guarded.config(
        "lost",
        {"v1": (guarded.model("lost", "low"), 1.0)},
        DataCaptureConfig=capture(DestinationS3Uri=f"s3://{BUCKET}/elsewhere"),
    )
    guarded.create("lost", "lost")
    assert guarded.invoke("lost")[1] == "v1"

    def refused() -> list[RecordedCall]:
        return [call for call in guarded.aws.recorded.denied() if (call.operation, call.role) == ("PutObject", "model")]

    assert eventually(refused, bool)


def test_a_fleet_that_is_being_deployed_captures_by_its_own_config(guarded: Stage) -> None:
    low = guarded.model("late", "low")
    guarded.create("late", guarded.config("late-1", {"v1": (low, 1.0)}))
    guarded.config("late-2", {"v1": (low, 1.0)}, DataCaptureConfig=capture())
    at_once = {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 10}}
    guarded.invoke("late")
    guarded.update("late", "late-2", DeploymentConfig={"BlueGreenUpdatePolicy": at_once})
    assert guarded.settled("late")["DataCaptureConfig"]["CaptureStatus"] == "Started"
    guarded.invoke("late", "0.9,0.9,0.9")
    (record,) = eventually(lambda: captured(guarded, "late")["v1"], bool)
    assert record["captureData"]["endpointInput"]["data"] == "0.9,0.9,0.9"
