"""What roles may do, read from the template as SAM translates it: it adds policies that nobody wrote."""

from __future__ import annotations

import pytest

from security.cross_stage import REASONS, crossing
from security.deployed_template import deployed, of_type, role_statements
from tests.e2e.unused_permissions import UNUSED, needless, stale, untrue

RESOURCES = deployed()
TRACED = deployed(Tracing="Active")
ROLES = of_type("AWS::IAM::Role", RESOURCES)
FUNCTIONS = of_type("AWS::Lambda::Function", RESOURCES)
STATEMENTS = list(role_statements(RESOURCES))


def allowed(role: str, prefix: str) -> dict[str, set[str]]:
    """Action -> resources of a role's statements, for the actions of one service."""
    found: dict[str, set[str]] = {}
    for statement in STATEMENTS:
        if statement.role == role and statement.effect == "Allow":
            for action in statement.actions:
                if action.startswith(prefix):
                    found.setdefault(action, set()).update(statement.resources)
    return found


@pytest.mark.parametrize("template", [RESOURCES, TRACED], ids=["untraced", "traced"])
def test_no_role_has_a_policy_that_aws_manages(template: dict[str, dict[str, object]]) -> None:
    attached = {name: each["ManagedPolicyArns"] for name, each in of_type("AWS::IAM::Role", template).items()
                if each.get("ManagedPolicyArns")}  # fmt: skip
    assert attached == {}


def test_each_function_has_a_role_of_its_own() -> None:
    roles = [each["Role"] for each in FUNCTIONS.values()]
    assert sorted(roles) == sorted({*roles})
    assert {f"{name}Role" for name in FUNCTIONS} <= ROLES.keys()


def test_the_policy_of_a_role_is_called_as_sam_called_it() -> None:
    """An update of an earlier release writes over it. Under a new name it could be added after the old one is gone, and
    a rollout under way would be denied a call in between."""
    names = {name: [policy["PolicyName"] for policy in ROLES[f"{name}Role"]["Policies"]] for name in FUNCTIONS}
    assert names == {name: [f"{name}RolePolicy0"] for name in FUNCTIONS}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_writes_its_own_log_and_makes_no_log_group(function: str) -> None:
    """A group that was made by what ran while its stack was deleted would keep the next one from being made."""
    group = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]
    own = {f"arn:aws:logs:REGION:ACCOUNT:log-group:{group}:*"}
    assert allowed(f"{function}Role", "logs:") == {"logs:CreateLogStream": own, "logs:PutLogEvents": own}


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_takes_messages_from_its_own_queue_alone(function: str) -> None:
    queues = {
        each["EventSourceArn"]
        for each in of_type("AWS::Lambda::EventSourceMapping", RESOURCES).values()
        if each["FunctionName"] == f"<{function}>"
    }
    taking = allowed(f"{function}Role", "sqs:")
    taking.pop("sqs:SendMessage", None)
    needed = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
    assert taking == ({action: queues for action in needed} if queues else {})


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_may_keep_what_it_could_not_do(function: str) -> None:
    """SAM grants it only to the roles that it makes."""
    destinations = {
        each["DestinationConfig"]["OnFailure"]["Destination"]
        for each in of_type("AWS::Lambda::EventInvokeConfig", RESOURCES).values()
        if each["FunctionName"] == f"<{function}>"
    }
    assert destinations <= allowed(f"{function}Role", "sqs:").get("sqs:SendMessage", set())


def test_traces_are_sent_by_every_function_if_the_stack_is_traced_and_else_by_none() -> None:
    assert [each.role for each in STATEMENTS if "xray" in str(each.actions)] == []
    tracing = [each for each in role_statements(TRACED) if "xray" in str(each.actions)]
    assert {each.role for each in tracing} == {f"{name}Role" for name in FUNCTIONS}
    assert {each.actions for each in tracing} == {("xray:PutTraceSegments", "xray:PutTelemetryRecords")}


@pytest.mark.parametrize("role", sorted(set(ROLES) - {f"{name}Role" for name in FUNCTIONS}))
def test_a_role_of_another_service_is_assumed_on_behalf_of_this_account_alone(role: str) -> None:
    """Not those of functions: Lambda's guide documents no such condition, and one that Lambda cannot meet stops all."""
    for statement in ROLES[role]["AssumeRolePolicyDocument"]["Statement"]:
        (service,) = statement["Principal"].values()
        source = statement["Condition"]["ArnLike"]["aws:SourceArn"]
        named = {
            "sagemaker.amazonaws.com": "arn:aws:sagemaker:REGION:ACCOUNT:*",
            "states.amazonaws.com": "arn:aws:states:REGION:ACCOUNT:stateMachine:*",
            "scheduler.amazonaws.com": "arn:aws:scheduler:REGION:ACCOUNT:schedule-group/sluice-dev",
        }
        assert source == named[service]
        if service != "sagemaker.amazonaws.com":  # whose guide has the account in the ARN alone
            assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "ACCOUNT"}


def test_a_role_of_one_stage_touches_nothing_of_another_without_a_reason() -> None:
    found = crossing()
    assert {action: patterns for action, patterns in found.items() if action not in REASONS} == {}
    assert [action for action in REASONS if action not in found] == [], "these cross no longer"


def test_a_model_writes_into_the_logs_of_its_own_stage() -> None:
    """Those of batch jobs and of pipelines share one group of SageMaker's for each kind."""
    for role, groups in (
        ("ModelRole", {"Endpoints/sluice-dev-*", "TransformJobs:*"}),
        ("PipelineRole", {"ProcessingJobs:*", "TrainingJobs:*"}),
    ):
        named = {f"arn:aws:logs:REGION:ACCOUNT:log-group:/aws/sagemaker/{each}" for each in groups}
        assert allowed(role, "logs:")["logs:PutLogEvents"] == named


def test_what_is_said_to_be_unused_is_granted_and_counts_once() -> None:
    """Before any play: the plays show whether the reasons are true."""
    granted: dict[str, dict[str, bool]] = {}
    for statement in STATEMENTS:
        granted.setdefault(statement.role, {}).update(dict.fromkeys(statement.actions, False))
    assert stale(granted) == []


def test_a_reason_for_a_grant_that_a_play_uses_is_untrue() -> None:
    role = "PipelineRole"
    action = next(iter(UNUSED[role]))
    assert untrue({role: {action: True, "s3:GetObject": True}}) == {role: [action]}
    assert untrue({role: {action: False}}) == {}
    assert needless({role: {action: False, "s3:GetObject": False}}) == {role: ["s3:GetObject"]}
    assert needless({role: {"s3:GetObject": True}}) == {}
