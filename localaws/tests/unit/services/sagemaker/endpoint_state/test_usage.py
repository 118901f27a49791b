"""What an endpoint needs of the account's quotas, and when it is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from localaws.quotas import Quotas
from localaws.service_api import AwsError
from localaws.services.sagemaker.endpoint_state import endpoint as changes
from localaws.services.sagemaker.endpoint_state.endpoint import Endpoint, Pending
from localaws.services.sagemaker.endpoint_state.guardrails import parse_policy
from localaws.services.sagemaker.endpoint_state.usage import (
    beside,
    more_instances,
    refuse_beyond_quotas,
    refuse_instances,
)
from localaws.services.sagemaker.endpoint_state.variant import Variant, wanted_variants
from localaws.services.sagemaker.models.endpoint_configs import EndpointConfig
from localaws.services.sagemaker.models.models import ContainerSpec, Model

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CONTAINER = ContainerSpec(image="i", model_data_url="s3://b/m.tar.gz", environment={}, role_arn="arn:role")
MODELS = {"m": Model(name="m", arn="arn:m", created=NOON, request={}, container=CONTAINER)}
SERVERLESS = {"ServerlessConfig": {"MemorySizeInMB": 1024, "MaxConcurrency": 2}}
FOUR = Quotas(instances={"ml.m5.large for endpoint usage": 4})


def fleet(count: int = 2, more: Mapping[str, Any] | None = None) -> tuple[Variant, ...]:
    capacity = more or {"InstanceType": "ml.m5.large", "InitialInstanceCount": count}
    given = {"VariantName": "v1", "ModelName": "m", "InitialVariantWeight": 1.0, **capacity}
    return wanted_variants([given], MODELS, NOON)


def serving(*variants: Variant, name: str = "spend") -> Endpoint:
    config = EndpointConfig(name="c", arn="arn:c", created=NOON, request={"ProductionVariants": []})
    pending = Pending(config=config, started=NOON, variants=variants)
    return changes.deployed(changes.new_endpoint(name, f"arn:{name}", pending), NOON)


def refusal(*arguments: Any) -> str:
    with pytest.raises(AwsError) as refused:
        refuse_beyond_quotas(*arguments)
    assert refused.value.code == "ResourceLimitExceeded"
    return refused.value.message


def test_an_update_needs_room_for_the_new_fleet_beside_the_old_one() -> None:
    present = serving(*fleet(2))
    refuse_beyond_quotas(FOUR, [present], fleet(2), present)
    assert refusal(FOUR, [present], fleet(3), present).startswith(
        "The account-level service limit 'ml.m5.large for endpoint usage' is 4 Instances, with current utilization of "
        "2 Instances and a request delta of 3 Instances."
    )


def test_a_rolling_update_needs_room_for_one_batch() -> None:
    present = serving(*fleet(3))
    half = parse_policy(
        {
            "RollingUpdatePolicy": {
                "MaximumBatchSize": {"Type": "CAPACITY_PERCENT", "Value": 34},
                "WaitIntervalInSeconds": 0,
            }
        }
    )
    refuse_beyond_quotas(FOUR, [present], beside(half, fleet(3)), present)
    assert "request delta of 3" in refusal(FOUR, [present], beside(None, fleet(3)), present)


def test_the_instances_of_all_endpoints_count_and_those_of_an_update_under_way() -> None:
    one, other = serving(*fleet(2)), serving(*fleet(1), name="other")
    assert "current utilization of 3" in refusal(FOUR, [one, other], fleet(2))
    updating = replace(one, pending=Pending(config=one.config, started=NOON, variants=fleet(2)))
    assert "current utilization of 4" in refusal(FOUR, [updating], fleet(1))


def test_a_type_that_is_not_named_has_no_limit() -> None:
    refuse_beyond_quotas(Quotas(), [serving(*fleet(500))], fleet(500))


def test_scaling_out_needs_room_for_what_it_adds_and_scaling_in_for_nothing() -> None:
    present = serving(*fleet(3))
    desired = [{"VariantName": "v1", "DesiredInstanceCount": 4}]
    grown = changes.begin_rescale(present, desired, NOON)
    refuse_instances(FOUR, [present], more_instances(present, grown))
    three = Quotas(instances={"ml.m5.large for endpoint usage": 3})
    with pytest.raises(AwsError, match="ResourceLimitExceeded"):
        refuse_instances(three, [present], more_instances(present, grown))
    refuse_instances(three, [present], more_instances(grown, present))


def test_serverless_endpoints_are_counted_and_need_no_instances() -> None:
    one = Quotas(serverless_endpoints=1, instances={"ml.m5.large for endpoint usage": 0})
    lean = serving(*fleet(more=SERVERLESS))
    refuse_beyond_quotas(one, [], fleet(more=SERVERLESS))
    refuse_beyond_quotas(one, [lean], fleet(more=SERVERLESS), lean)
    assert "'Number of serverless endpoints' is 1 Endpoints" in refusal(one, [lean], fleet(more=SERVERLESS))
