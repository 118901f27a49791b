"""Each change of an endpoint as a function of it."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from localaws.service_api import AwsError
from localaws.services.sagemaker.endpoint_state import endpoint as changes
from localaws.services.sagemaker.endpoint_state.deployment_plan import Phase
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint, Pending
from localaws.services.sagemaker.endpoint_state.status import Status
from localaws.services.sagemaker.endpoint_state.variant import Progress, retained, wanted_variants
from localaws.services.sagemaker.endpoint_state.view import (
    deployment_detail,
    description,
    event_detail,
    screaming_snake,
)
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig
from localaws.services.sagemaker.models.models import ContainerSpec, Model

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)
CONTAINER = ContainerSpec(
    image="xgboost:3.0-5", model_data_url="s3://bucket/model.tar.gz", environment={}, role_arn="arn:role"
)


def model(name: str) -> Model:
    return Model(name=name, arn=f"arn:{name}", created=NOON, request={}, container=CONTAINER)


def variant(name: str, weight: float = 1.0, count: int = 1) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": count,
        "InitialVariantWeight": weight,
    }


def pending(config: str, *variants: Mapping[str, Any], at: datetime = NOON) -> Pending:
    made = EndpointConfig(name=config, arn=f"arn:{config}", created=NOON, request={"ProductionVariants": variants})
    models = {str(given["ModelName"]): model(str(given["ModelName"])) for given in variants}
    return Pending(config=made, started=at, variants=wanted_variants(made.variants, models, at))


def in_service(*variants: Mapping[str, Any]) -> Endpoint:
    return changes.deployed(changes.new_endpoint("Spend", "arn:spend", pending("one", *variants)), NOON)


def weights(endpoint: Endpoint) -> dict[str, tuple[float, float]]:
    return {each.name: (each.weight, each.desired_weight) for each in endpoint.variants}


def test_a_new_endpoint_has_no_variants_until_it_is_in_service() -> None:
    new = changes.new_endpoint("Spend", "arn:spend", pending("one", variant("v1", 2.0, 3)))
    assert (new.status, new.variants) == (Status.CREATING, ())
    ready = changes.deployed(new, LATER)
    (served,) = ready.variants
    assert (ready.status, ready.modified, ready.pending) == (Status.IN_SERVICE, LATER, None)
    assert (served.weight, served.instances) == (2.0, 3)


def test_an_update_serves_the_old_config_until_it_is_done() -> None:
    updating = changes.begin_update(in_service(variant("v1")), pending("two", variant("v2"), at=LATER), None)
    assert (updating.status, updating.config.name) == (Status.UPDATING, "one")
    assert [each.name for each in updating.variants] == ["v1"]
    done = changes.deployed(updating, LATER)
    assert (done.config.name, [each.name for each in done.variants]) == ("two", ["v2"])


def test_the_latest_deployment_config_is_remembered_until_there_is_another() -> None:
    guarded = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": {"Type": "ALL_AT_ONCE"}}}
    first = changes.begin_update(in_service(variant("v1")), pending("two", variant("v1")), guarded)
    second = changes.begin_update(changes.deployed(first, LATER), pending("three", variant("v1")), None)
    assert description(second)["LastDeploymentConfig"] == guarded


def test_a_failed_update_ends_in_service_with_the_old_config_and_the_reason() -> None:
    updating = changes.begin_update(in_service(variant("v1")), pending("two", variant("v2")), None)
    rolling_back = changes.failed(updating, "no ping" + "!" * 2000, LATER)
    assert rolling_back.status is Status.ROLLING_BACK
    back = changes.rolled_back(rolling_back, LATER)
    assert (back.status, back.config.name, back.pending) == (Status.IN_SERVICE, "one", None)
    assert back.failure_reason is not None
    assert back.failure_reason.startswith("no ping")
    assert len(back.failure_reason) == 1024


def test_requested_weights_are_desired_first_and_current_when_done() -> None:
    endpoint = in_service(variant("v1", 9.0), variant("v2", 1.0))
    asked = changes.begin_rescale(endpoint, [{"VariantName": "v2", "DesiredWeight": 3}], LATER)
    assert (asked.status, weights(asked)) == (Status.UPDATING, {"v1": (9.0, 9.0), "v2": (1.0, 3.0)})
    assert weights(changes.rescaled(asked, LATER)) == {"v1": (9.0, 9.0), "v2": (3.0, 3.0)}


def test_a_count_alone_leaves_weights_and_other_counts_alone() -> None:
    endpoint = in_service(variant("v1", count=2), variant("v2"))
    asked = changes.begin_rescale(endpoint, [{"VariantName": "v2", "DesiredInstanceCount": 4}], LATER)
    done = changes.rescaled(asked, LATER)
    assert [(each.weight, each.instances) for each in done.variants] == [(1.0, 2), (1.0, 4)]


def test_rescaling_that_fails_is_forgotten() -> None:
    endpoint = in_service(variant("v1"))
    asked = changes.begin_rescale(endpoint, [{"VariantName": "v1", "DesiredInstanceCount": 4}], LATER)
    back = changes.rolled_back(changes.failed(asked, "no capacity", LATER), LATER)
    assert [(each.instances, each.desired_instances) for each in back.variants] == [(1, 1)]


def test_an_unknown_variant_is_refused_in_the_words_of_aws() -> None:
    with pytest.raises(AwsError) as refusal:
        changes.begin_rescale(in_service(variant("v1")), [{"VariantName": "v9", "DesiredWeight": 1}], NOON)
    assert refusal.value.message == ('The variant name(s) "v9" is/are not present within endpoint configuration "one".')


def test_some_variant_keeps_traffic() -> None:
    with pytest.raises(AwsError, match="greater than 0"):
        changes.begin_rescale(in_service(variant("v1")), [{"VariantName": "v1", "DesiredWeight": 0}], NOON)


@pytest.mark.parametrize(
    ("excluded", "weight_and_count"),
    [
        pytest.param(set(), (7.0, 5), id="both kept"),
        pytest.param({"DesiredWeight"}, (1.0, 5), id="weight from the config"),
        pytest.param({"DesiredInstanceCount"}, (7.0, 2), id="count from the config"),
    ],
)
def test_retained_properties(excluded: set[str], weight_and_count: tuple[float, int]) -> None:
    endpoint = in_service(variant("v1", 7.0, 5))
    (wanted,) = pending("two", variant("v1", 1.0, 2)).variants
    kept = retained(wanted, endpoint.variant("v1"), excluded)
    assert (kept.desired_weight, kept.desired_instances) == weight_and_count


def test_a_new_variant_has_nothing_to_retain() -> None:
    (wanted,) = pending("two", variant("v2", 3.0)).variants
    assert retained(wanted, in_service(variant("v1")).variant("v2"), set()) == wanted


def test_an_event_has_the_shape_of_the_real_one() -> None:
    detail = event_detail(in_service(variant("v1", 1.0, 1)), {"team": "risk"})
    assert detail == {
        "EndpointName": "Spend",
        "EndpointArn": "arn:spend",
        "EndpointConfigName": "one",
        "ProductionVariants": [{"DesiredWeight": 1.0, "DesiredInstanceCount": 1.0}],
        "EndpointStatus": "IN_SERVICE",
        "CreationTime": 1772625600000.0,
        "LastModifiedTime": 1772625600000.0,
        "Tags": {"team": "risk"},
    }
    assert all(isinstance(detail[field], float) for field in ("CreationTime", "LastModifiedTime"))
    assert isinstance(detail["ProductionVariants"][0]["DesiredInstanceCount"], float)


@pytest.mark.parametrize(
    ("status", "spelled"),
    [
        (Status.IN_SERVICE, "IN_SERVICE"),
        (Status.ROLLING_BACK, "ROLLING_BACK"),
        (Status.UPDATE_ROLLBACK_FAILED, "UPDATE_ROLLBACK_FAILED"),
        (Status.DELETING, "DELETING"),
    ],
)
def test_statuses_in_events_are_spelled_differently(status: Status, spelled: str) -> None:
    assert screaming_snake(status.value) == spelled


def test_a_description_shows_what_is_and_what_is_to_come() -> None:
    updating = changes.begin_update(in_service(variant("v1")), pending("two", variant("v2", 4.0)), None)
    shown = description(updating)
    assert shown["EndpointConfigName"] == "one"
    assert [each["VariantName"] for each in shown["ProductionVariants"]] == ["v1"]
    (coming,) = shown["PendingDeploymentSummary"]["ProductionVariants"]
    assert (coming["VariantName"], coming["DesiredWeight"], coming["CurrentWeight"]) == ("v2", 4.0, 0.0)
    assert "FailureReason" not in shown


def test_a_deployment_event_has_the_shape_of_the_real_one() -> None:
    updating = changes.begin_update(in_service(variant("v1", count=4)), pending("two", variant("v1", count=4)), None)
    baking = Progress(phase=Phase.BAKING, message="Baking for 600 seconds.", since=LATER)
    detail = deployment_detail(changes.progressed(updating, {"v1": 1}, {"v1": baking}), {})
    fleet = {"VariantName": "v1", "CurrentWeight": 1.0, "DesiredWeight": 1.0, "DesiredInstanceCount": 4}
    assert detail == {
        "EndpointName": "Spend",
        "EndpointArn": "arn:spend",
        "EndpointConfigName": "one",
        "ProductionVariants": [fleet | {"CurrentInstanceCount": 4}],
        "EndpointStatus": "UPDATING",
        "CreationTime": 1772625600000,
        "LastModifiedTime": 1772625600000,
        "Tags": {},
        "PendingDeploymentSummary": {
            "EndpointConfigName": "two",
            "StartTime": 1772625600000,
            "ProductionVariants": [
                fleet
                | {
                    "CurrentInstanceCount": 1,
                    "VariantStatus": [
                        {"Status": "Baking", "StatusMessage": "Baking for 600 seconds.", "StartTime": 1772625900000}
                    ],
                }
            ],
        },
    }


def test_what_a_deployment_did_to_a_variant_is_over_when_it_has_ended() -> None:
    baking = Progress(phase=Phase.BAKING, message="", since=LATER)
    updating = changes.begin_update(in_service(variant("v1")), pending("two", variant("v1")), None)
    done = changes.deployed(changes.progressed(updating, {"v1": 1}, {"v1": baking}), LATER)
    assert [each.progress for each in done.variants] == [None]
