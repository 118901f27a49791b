"""``sluice plan`` shows what a rollout would do to the endpoint as it is, and writes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sluice.aws.clients import lazy_clients
from sluice.endpoint.state import EndpointState, VariantState
from sluice.names import Names
from sluice.rollout.planning.planner import make_plan
from sluice.spec.model import ModelSpec

from cli.failures import NotFoundError, SpecFilesError
from cli.main import command_line
from tests.builders.fake_aws import START, FakeAws
from tests.builders.spec_examples import spec_with

ENDPOINT = "sluice-dev-fraud"


class FakeCloudWatch:
    """1,200 requests a minute of which one fails, and no latency; the user's own alarms by name and state."""

    def __init__(self) -> None:
        self.alarms: dict[str, str] = {}
        self.requests = 1200.0
        self.counted = {"InvocationModelErrors"}
        self.status = "Complete"
        self.dated: dict[str, Any] = {}

    def get_metric_data(self, *, MetricDataQueries: list[dict[str, Any]], **_span: Any) -> dict[str, Any]:
        counts = {
            "requests": self.requests,
            "errors": min(1.0, self.requests),
            "requests1": self.requests,
            "errors1": 0.0,
        }
        at = [START - timedelta(minutes=minute) for minute in range(60)]

        def result(query: dict[str, Any]) -> dict[str, Any]:
            is_known = query["MetricStat"]["Metric"]["MetricName"] in self.counted and query["Id"] in counts
            values = [counts[query["Id"]]] * 60 if is_known else []
            return {"Id": query["Id"], "Timestamps": at[: len(values)], "Values": values, "StatusCode": self.status}

        return {"MetricDataResults": [result(query) for query in MetricDataQueries]}

    def describe_alarms(self, **_request: Any) -> dict[str, Any]:
        alarms = [{"AlarmName": name, "StateValue": state} | self.dated for name, state in self.alarms.items()]
        return {"MetricAlarms": alarms}


class Serving:
    """Version 6 serves on two instances, version 7 is registered."""

    def __init__(self) -> None:
        self.aws, self.cloudwatch = FakeAws(), FakeCloudWatch()
        self.aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
        self.aws.sagemaker.groups.add(ENDPOINT)
        self.aws.sagemaker.register(ENDPOINT, 7)
        self.aws.sagemaker.configs["live-6"] = [
            {"VariantName": "v6", "ModelName": "sluice-dev-fraud-6-1-model", "InstanceType": "ml.m5.large"}
        ]
        self.aws.sagemaker.endpoints[ENDPOINT] = {
            "EndpointName": ENDPOINT,
            "EndpointStatus": "InService",
            "EndpointConfigName": "live-6",
            "ProductionVariants": [{"VariantName": "v6", "DesiredWeight": 100.0, "DesiredInstanceCount": 2}],
        }

    def apply(self, *changes: tuple[str, object]) -> None:
        self.aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with(*changes))

    def plan(self, target: str = "fraud", output: str = "text") -> int:
        def client(service: str) -> Any:
            return self.cloudwatch if service == "cloudwatch" else self.aws.client(service)

        session = replace(self.aws.session(output), clients=lazy_clients(client))
        arguments = command_line({}).parse_args(["plan", target])
        return int(arguments.run(arguments, session))

    def told(self) -> Any:
        return json.loads(self.aws.shown)


@pytest.fixture
def serving() -> Serving:
    return Serving()


def test_a_canary_is_reported_with_stages_proof_cost_and_what_ends_it(serving: Serving) -> None:
    serving.apply(("rollout.gate", "human"), ("rollout.watch", "1h"))
    assert serving.plan() == 0
    shown = " ".join(serving.aws.shown.split())
    assert "Rollout of fraud/7 by canary; nothing is changed" in shown
    assert "1 10% 1 10m 2 50% 1 10m" in shown
    assert "promotion 100%, 2 x ml.m5.large, watched for 1h, after a person agrees" in shown
    assert "lasts at least 80m" in shown
    assert "1,200.0 requests a minute" in shown
    assert "is proved safe after about" in shown
    assert "estimate; list prices of us-east-1" in shown
    assert "people `sluice abort fraud`, or" in shown


def test_programs_get_the_plan_itself(serving: Serving) -> None:
    serving.plan(output="json")
    told = serving.told()
    assert (told["model"], told["version"], told["plan"]["engine"]) == ("fraud", 7, "weights")
    assert told["traffic"] == {"requests": 72_000, "errors": 60, "seconds": 3600}
    assert told["problems"] == []


def test_a_file_is_planned_as_it_says_not_as_was_applied(serving: Serving, tmp_path: Path) -> None:
    file = tmp_path / "fraud.yaml"
    file.write_text(yaml.safe_dump(spec_with(("rollout.strategy", "all_at_once"))))
    assert serving.plan(str(file)) == 0
    assert "replace: the new fleet takes the old one's place at once" in serving.aws.shown
    file.write_text(yaml.safe_dump(spec_with(("rollout.windows", {"timezone": "Mars/Base", "open": [{}]}))))
    with pytest.raises(SpecFilesError, match="there is no time zone 'Mars/Base'"):
        serving.plan(str(file))


def test_a_first_version_has_nothing_to_compare_with(serving: Serving) -> None:
    serving.aws.sagemaker.endpoints.clear()
    assert serving.plan() == 0
    assert "create: a new endpoint, without stages" in serving.aws.shown


def test_a_first_version_is_not_said_to_go_by_canary(serving: Serving) -> None:
    serving.aws.sagemaker.endpoints.clear()
    assert serving.plan() == 0
    assert "Rollout of fraud/7 as a new endpoint; nothing is changed" in serving.aws.shown
    assert "canary" not in serving.aws.shown
    assert "no way back: this is the first version on this endpoint" in serving.aws.shown
    assert "old version back" not in serving.aws.shown


def begin_canary(serving: Serving) -> None:
    """Version 7 has a tenth of the traffic beside version 6."""
    live = EndpointState(
        name=ENDPOINT,
        status="InService",
        config="live-6",
        variants=(
            VariantState(
                name="v6",
                weight=100.0,
                desired_count=2,
                instance_type="ml.m5.large",
                model="sluice-dev-fraud-6-1-model",
            ),
        ),
    )
    plan = make_plan(ModelSpec.parse(spec_with()), Names("dev"), "fraud-7-1", 7, live)
    record = {
        "pk": "MODEL#fraud",
        "sk": "ROLLOUT#0000007#001",
        "id": "fraud-7-1",
        "package_arn": "arn:…/7",
        "endpoint": ENDPOINT,
        "phase": "baking",
        "stage": "0",
        "opened_at": START.isoformat(),
        "approved_at": START.isoformat(),
        "rollout_plan": json.dumps(plan.to_json()),
    }
    serving.aws.dynamodb.items = [{name: {"S": value} for name, value in record.items()}]
    sagemaker = serving.aws.sagemaker
    sagemaker.configs["canary"] = [
        {"VariantName": name, "ModelName": f"sluice-dev-fraud-{name[1:]}-1-model", "InstanceType": "ml.m5.large"}
        for name in ("v6", "v7")
    ]
    variants = [
        {"VariantName": name, "DesiredWeight": weight, "DesiredInstanceCount": count}
        for name, weight, count in (("v6", 90.0, 2), ("v7", 10.0, 1))
    ]
    sagemaker.endpoints[ENDPOINT] |= {"EndpointConfigName": "canary", "ProductionVariants": variants}


def test_a_rollout_under_way_is_a_note_and_the_next_one_is_planned(serving: Serving) -> None:
    begin_canary(serving)
    assert serving.plan() == 0
    shown = serving.aws.shown
    assert "Problem" not in shown
    assert "Note: rollout fraud-7-1 is under way (baking); on_new_version is supersede" in shown
    assert "Rollout of fraud/8 by canary; nothing is changed" in shown
    assert "promotion  100%, 2 x ml.m5.large" in shown


def test_two_variants_without_a_rollout_are_a_problem(serving: Serving) -> None:
    begin_canary(serving)
    serving.aws.dynamodb.items = []
    assert serving.plan() == 1
    assert "serves v6, v7; a rollout starts from exactly one variant" in serving.aws.shown


def test_without_traffic_it_says_that_there_will_be_no_proof(serving: Serving) -> None:
    serving.cloudwatch.requests = 0
    assert serving.plan() == 0
    assert "without traffic there is no proof" in serving.aws.shown


def test_what_cannot_begin_is_refused_with_its_reason(serving: Serving) -> None:
    serving.aws.sagemaker.endpoints[ENDPOINT]["EndpointStatus"] = "Failed"
    assert serving.plan(output="json") == 1
    told = serving.told()
    assert told["plan"] is None
    assert "is Failed" in told["problems"][0]


def test_an_alarm_of_your_own_that_does_not_exist_is_a_problem_of_the_plan(serving: Serving) -> None:
    serving.apply(("rollout.alarms", {"also": ["checkout-broken"]}))
    assert serving.plan() == 1
    assert "Problem: rollout.alarms.also: 'checkout-broken' is no CloudWatch alarm" in serving.aws.shown
    serving.cloudwatch.alarms["checkout-broken"] = "OK"
    assert serving.plan() == 0


@pytest.mark.parametrize(
    ("transitioned_hours", "said"),
    [
        pytest.param(0, "alarm checkout-broken of rollout.alarms.also has never had data", id="never"),
        pytest.param(5, "alarm checkout-broken of rollout.alarms.also has no data", id="not any more"),
    ],
)
def test_an_alarm_of_your_own_without_data_is_told_in_words(
    serving: Serving, transitioned_hours: int, said: str
) -> None:
    serving.apply(("rollout.alarms", {"also": ["checkout-broken"]}))
    serving.cloudwatch.alarms["checkout-broken"] = "INSUFFICIENT_DATA"
    serving.cloudwatch.dated = {
        "AlarmConfigurationUpdatedTimestamp": START,
        "StateTransitionedTimestamp": START + timedelta(hours=transitioned_hours),
    }
    assert serving.plan() == 0
    since = f"{START + timedelta(hours=transitioned_hours):%Y-%m-%d %H:%M} UTC"
    assert f"Note: {said} (since {since}): it cannot ring, and a rollout takes it as quiet" in serving.aws.shown


def test_a_deployment_that_is_over_before_an_alarm_can_ring_is_a_note(serving: Serving) -> None:
    how = {"wait": "1m", "termination_wait": "1m"}
    serving.apply(("rollout", {"strategy": "blue_green", "blue_green": how}))
    assert serving.plan() == 0
    assert "Note: SageMaker watches the new fleet for 120 s (wait, termination_wait)" in serving.aws.shown
    assert "takes about 240 s to ring" in serving.aws.shown
    serving.aws.screen.truncate(0)
    serving.apply(("rollout", {"strategy": "blue_green"}))
    assert serving.plan() == 0
    assert "to ring" not in serving.aws.shown


def test_the_traffic_of_a_serverless_endpoint_is_counted_by_what_it_publishes(serving: Serving) -> None:
    serving.apply(("endpoint.type", "serverless"), ("rollout", {"strategy": "auto"}))
    (variant,) = serving.aws.sagemaker.configs["live-6"]
    variant.pop("InstanceType")
    variant["ServerlessConfig"] = {"MemorySizeInMB": 2048, "MaxConcurrency": 5}
    serving.cloudwatch.counted = {"Invocation4XXErrors", "Invocation5XXErrors"}
    assert serving.plan() == 0
    assert "1,200.0 requests a minute" in serving.aws.shown


def test_an_answer_of_cloudwatch_that_is_not_complete_is_a_problem_and_not_no_traffic(serving: Serving) -> None:
    serving.cloudwatch.status = "InternalError"
    assert serving.plan() == 1
    assert "Problem: CloudWatch did not answer with all data of sluice-dev-fraud v6" in serving.aws.shown


def test_what_would_make_it_wait_is_a_note(serving: Serving) -> None:
    never = {"timezone": "UTC", "open": [{"days": ["wed"], "from": "03:00", "to": "03:01"}]}  # it is a Friday
    serving.apply(("rollout.windows", never))
    assert serving.plan() == 0
    assert "Note: outside of rollout.windows; they open at 2026-01-07 03:00 UTC" in serving.aws.shown


def test_an_unknown_model_lists_those_there_are(serving: Serving) -> None:
    with pytest.raises(NotFoundError, match="there are: fraud"):
        serving.plan("frad")


def test_a_model_of_a_stack_that_was_removed_is_told_with_what_repairs_it() -> None:
    serving = Serving()
    roles = serving.aws.sagemaker.model_roles
    roles["sluice-dev-fraud-6-1-model"] = "arn:aws:iam::1:role/model"
    serving.plan()
    assert "removed" not in serving.aws.shown
    roles["sluice-dev-fraud-6-1-model"] = "arn:aws:iam::1:role/model-of-before"
    serving.plan()
    told = " ".join(serving.aws.shown.split())
    assert "serves model sluice-dev-fraud-6-1-model of a removed stack" in told
    assert "delete the endpoint, then `sluice train fraud --data FILE` and `sluice approve` the version" in told


def test_a_model_that_sluice_did_not_make_may_have_its_own_role() -> None:
    serving = Serving()
    serving.aws.sagemaker.configs["live-6"][0]["ModelName"] = "by-hand"
    serving.aws.sagemaker.model_roles["by-hand"] = "arn:aws:iam::1:role/mine"
    serving.plan()
    assert "removed" not in serving.aws.shown
