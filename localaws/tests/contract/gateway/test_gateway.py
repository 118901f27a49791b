"""The gateway, met with real clients: protocols, authorisation, faults and the record."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from localaws.context import Context
from localaws.gateway.authoriser import RoleAuthoriser
from localaws.gateway.faults import THROTTLED, UNAVAILABLE
from localaws.gateway.gateway import Gateway
from localaws.iam.identity import DEVELOPER_ACCESS_KEY, DEVELOPER_SECRET_KEY
from localaws.local_aws import LocalAws
from localaws.moto.iam_policies import MotoRolePolicies
from localaws.service_api import AwsError, Call, Operation, Service
from localaws.tests.interpreters import INTERPRETERS

MODEL_ROLE = "arn:aws:iam::123456789012:role/model"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Fake:
    """A service of our own with a few operations."""

    def __init__(self, name: str, **operations: Operation) -> None:
        self.name = name
        self.operations: Mapping[str, Operation] = operations


def invoke_endpoint(params: dict[str, Any], _call: Call) -> dict[str, Any]:
    if params["EndpointName"] == "broken":
        fields = {"OriginalStatusCode": 500, "OriginalMessage": "boom", "LogStreamArn": "arn:log"}
        raise AwsError("ModelError", "Received server error (500) from primary", 424, fields)
    return {"Body": params["Body"][::-1], "ContentType": "text/csv", "InvokedProductionVariant": "v7"}


def get_metric_data(params: dict[str, Any], _call: Call) -> dict[str, Any]:
    assert params["StartTime"] == NOON  # parsed, and aware
    return {"MetricDataResults": [{"Id": "m", "Timestamps": [NOON], "Values": [1.5]}]}


def describe_alarms(_params: dict[str, Any], _call: Call) -> dict[str, Any]:
    raise AwsError("InvalidNextToken", "The next token specified is invalid.")


def invoke_function(_params: dict[str, Any], _call: Call) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": b'{"errorMessage":"x"}', "FunctionError": "Unhandled"}


def crash(_params: dict[str, Any], _call: Call) -> dict[str, Any]:
    raise ZeroDivisionError("a defect of ours")


def fakes(_context: Context) -> list[Service]:
    return [
        Fake("sagemaker-runtime", InvokeEndpoint=invoke_endpoint),
        Fake("sagemaker", CreateModel=lambda _params, _call: {"ModelArn": "arn:m"}),
        Fake("sagemaker", DescribeModel=crash),
        Fake("cloudwatch", GetMetricData=get_metric_data, DescribeAlarms=describe_alarms),
        Fake("lambda", Invoke=invoke_function, CreateFunction=lambda _params, _call: {}),
        Fake("scheduler", CreateSchedule=lambda _params, _call: {"ScheduleArn": "arn:s"}),
        Fake("events", PutRule=lambda _params, _call: {"RuleArn": "arn:r"}),
        Fake("events", PutEvents=lambda _params, _call: {"FailedEntryCount": 0, "Entries": [{"EventId": "1"}]}),
    ]


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS, services=fakes) as running:
        make_role(running, "model", "sagemaker.amazonaws.com")
        yield running


def make_role(aws: LocalAws, name: str, service: str) -> str:
    """A role that a service may assume."""
    trust = {"Statement": {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}}
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(role["Role"]["Arn"])


@pytest.fixture
def new_role(aws: LocalAws, request: pytest.FixtureRequest) -> str:
    """A role without permissions; its name is its test's."""
    name = request.node.name.partition("[")[0][:64]
    trust = {"Statement": {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}}
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
    return str(role["Role"]["Arn"])


def allow(aws: LocalAws, role_arn: str, *statements: dict[str, Any], name: str = "allow") -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement for statement in statements]}
    aws.client("iam").put_role_policy(
        RoleName=role_arn.rsplit("/", 1)[-1], PolicyName=name, PolicyDocument=json.dumps(document)
    )


def refusal_of(call: Any, **params: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as refused:
        call(**params)
    return dict(refused.value.response)


def test_an_invocation_carries_a_binary_body_and_headers_both_ways(aws: LocalAws) -> None:
    answer = aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"\x00\xffabc")
    assert answer["Body"].read() == b"cba\xff\x00"
    assert (answer["ContentType"], answer["InvokedProductionVariant"]) == ("text/csv", "v7")


def test_a_model_error_has_the_members_of_its_shape(aws: LocalAws) -> None:
    refused = refusal_of(aws.client("sagemaker-runtime").invoke_endpoint, EndpointName="broken", Body=b"")
    assert refused["Error"]["Code"] == "ModelError"
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 424
    assert (refused["OriginalStatusCode"], refused["OriginalMessage"]) == (500, "boom")


def test_a_function_error_is_a_header_beside_the_payload(aws: LocalAws) -> None:
    answer = aws.client("lambda").invoke(FunctionName="f", Payload=b"{}")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"].read() == b'{"errorMessage":"x"}'


def test_timestamps_survive_both_ways_and_errors_have_their_code(aws: LocalAws) -> None:
    client = boto3.client(
        "cloudwatch",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=DEVELOPER_ACCESS_KEY,
        aws_secret_access_key=DEVELOPER_SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )
    queries = [{"Id": "m", "Expression": "x"}]
    answer = client.get_metric_data(MetricDataQueries=queries, StartTime=NOON, EndTime=NOON)
    assert answer["MetricDataResults"][0]["Timestamps"] == [NOON]
    assert refusal_of(client.describe_alarms)["Error"]["Code"] == "InvalidNextToken"


def test_what_the_local_aws_lacks_is_said_and_recorded(aws: LocalAws) -> None:
    refused = refusal_of(aws.client("sagemaker").list_endpoints)
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 501
    assert "ListEndpoints" in refused["Error"]["Message"]
    assert aws.recorded.calls(operation="ListEndpoints")[-1].error == "NotImplemented"
    of_moto = refusal_of(aws.client("ssm").list_nodes)
    assert of_moto["ResponseMetadata"]["HTTPStatusCode"] == 501
    unknown = refusal_of(aws.client("batch").describe_job_queues)
    assert unknown["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_defect_of_ours_is_an_internal_failure_with_the_traceback_in_the_log(
    aws: LocalAws, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        refused = refusal_of(aws.client("sagemaker").describe_model, ModelName="m")
    assert (refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]) == ("InternalFailure", 500)
    assert "ZeroDivisionError: a defect of ours" in caplog.text


def test_two_services_answering_one_operation_are_refused_at_the_start(aws: LocalAws) -> None:
    gateway = Gateway(
        account="123456789012",
        identities=aws.identities,
        authoriser=RoleAuthoriser(MotoRolePolicies("123456789012", aws.moto.lock("iam"))),
        fallback=aws.moto,
        faults=aws.faults,
        record=aws.recorded,
    )
    with pytest.raises(ValueError, match="lambda Invoke is answered by two services"):
        gateway.open([Fake("lambda", Invoke=crash), Fake("lambda", Invoke=crash)])


def test_a_role_may_do_nothing_until_a_policy_allows_it(aws: LocalAws, new_role: str) -> None:
    runtime = aws.client("sagemaker-runtime", new_role)
    refused = refusal_of(runtime.invoke_endpoint, EndpointName="Spend", Body=b"x")
    arn = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/spend"
    role = new_role.rsplit("/", 1)[-1]
    assert refused["Error"]["Code"] == "AccessDeniedException"
    assert refused["Error"]["Message"] == (
        f"User: arn:aws:sts::123456789012:assumed-role/{role}/{role} is not authorized to perform:"
        f" sagemaker:InvokeEndpoint on resource: {arn} because no identity-based policy allows the"
        " sagemaker:InvokeEndpoint action"
    )
    allow(aws, new_role, {"Action": "sagemaker:InvokeEndpoint", "Resource": arn})
    assert runtime.invoke_endpoint(EndpointName="Spend", Body=b"x")["Body"].read() == b"x"
    assert aws.recorded.permissions_used(role) == {("sagemaker:InvokeEndpoint", arn): 1}


@pytest.mark.parametrize(
    ("service", "operation", "params", "expected"),
    [
        ("s3", "get_object", {"Bucket": "data", "Key": "k"}, ("AccessDenied", 403)),
        ("s3", "head_object", {"Bucket": "data", "Key": "k"}, ("403", 403)),
        ("sns", "publish", {"TopicArn": "arn:aws:sns:us-east-1:1:t", "Message": "m"}, ("AuthorizationError", 403)),
        ("iam", "get_role", {"RoleName": "x"}, ("AccessDenied", 403)),
        ("lambda", "invoke", {"FunctionName": "f"}, ("AccessDeniedException", 403)),
        ("dynamodb", "get_item", {"TableName": "t", "Key": {"k": {"S": "k"}}}, ("AccessDeniedException", 400)),
        ("cloudwatch", "describe_alarms", {}, ("AccessDeniedException", 400)),
    ],
)
def test_a_refusal_speaks_the_protocol_of_its_service(
    aws: LocalAws, service: str, operation: str, params: dict[str, Any], expected: tuple[str, int]
) -> None:
    client = aws.client(service, "arn:aws:iam::123456789012:role/nobody")
    refused = refusal_of(getattr(client, operation), **params)
    assert (refused["Error"]["Code"], refused["ResponseMetadata"]["HTTPStatusCode"]) == expected


def test_handing_over_a_role_needs_the_permission_for_that_service(aws: LocalAws, new_role: str) -> None:
    sagemaker = aws.client("sagemaker", new_role)
    create = {"ModelName": "m", "ExecutionRoleArn": MODEL_ROLE}
    allow(aws, new_role, {"Action": "sagemaker:CreateModel", "Resource": "*"})
    assert "iam:PassRole" in refusal_of(sagemaker.create_model, **create)["Error"]["Message"]
    to_lambda = {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}
    pass_role = {"Action": "iam:PassRole", "Resource": MODEL_ROLE}
    allow(aws, new_role, pass_role | {"Condition": to_lambda}, name="pass")
    assert "iam:PassRole" in refusal_of(sagemaker.create_model, **create)["Error"]["Message"]
    to_sagemaker = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    allow(aws, new_role, pass_role | {"Condition": to_sagemaker}, name="pass")
    assert sagemaker.create_model(**create)["ModelArn"] == "arn:m"


MACHINE = json.dumps({"StartAt": "End", "States": {"End": {"Type": "Succeed"}}})
SCHEDULE = {"Name": "s", "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}}


@pytest.mark.parametrize(
    ("service", "hand", "refused"),
    [
        (
            "sagemaker",
            lambda client, role: client.create_model(ModelName="m", ExecutionRoleArn=role),
            ("ValidationException", "allows principal 'sagemaker.amazonaws.com' to assume the role"),
        ),
        (
            "lambda",
            lambda client, role: client.create_function(FunctionName="f", Role=role, Code={}),
            ("InvalidParameterValueException", "cannot be assumed by Lambda"),
        ),
        (
            "scheduler",
            lambda client, role: client.create_schedule(**SCHEDULE, Target={"Arn": "arn:q", "RoleArn": role}),
            ("ValidationException", "must allow AWS EventBridge Scheduler to assume the role"),
        ),
        (
            "events",
            lambda client, role: client.put_rule(Name="r", ScheduleExpression="rate(1 hour)", RoleArn=role),
            ("ValidationException", "cannot be assumed by principal 'events.amazonaws.com'"),
        ),
        (
            "stepfunctions",
            lambda client, role: client.create_state_machine(name="m", definition=MACHINE, roleArn=role),
            ("AccessDeniedException", "Neither the global service principal states.amazonaws.com"),
        ),
    ],
)
def test_a_service_is_handed_only_a_role_that_trusts_it(
    aws: LocalAws, service: str, hand: Callable[[Any, str], object], refused: tuple[str, str]
) -> None:
    principal = {"stepfunctions": "states"}.get(service, service)
    trusting = make_role(aws, f"trusts-{service}", f"{principal}.amazonaws.com")
    other = make_role(aws, f"trusts-another-than-{service}", "ec2.amazonaws.com")
    client = aws.client(service)
    for role in (other, "arn:aws:iam::123456789012:role/nobody"):
        error = refusal_of(hand, client=client, role=role)["Error"]
        assert error["Code"] == refused[0]
        assert refused[1] in error["Message"]
    hand(client, trusting)


def test_a_new_role_is_of_no_use_until_it_has_settled(aws: LocalAws, new_role: str) -> None:
    aws.let_roles_settle(3600)
    try:
        allow(aws, new_role, {"Action": "sagemaker:*", "Resource": "*"})
        runtime = aws.client("sagemaker-runtime", new_role)
        invoke = {"EndpointName": "e", "Body": b"x"}
        assert refusal_of(runtime.invoke_endpoint, **invoke)["Error"]["Code"] == "AccessDeniedException"
        create = {"ModelName": "m", "ExecutionRoleArn": MODEL_ROLE}
        assert "Could not assume role" in refusal_of(aws.client("sagemaker").create_model, **create)["Error"]["Message"]
    finally:
        aws.let_roles_settle(0)
    runtime.invoke_endpoint(**invoke)


def test_a_taken_back_permission_is_gone_at_once(aws: LocalAws, new_role: str) -> None:
    runtime = aws.client("sagemaker-runtime", new_role)
    allow(aws, new_role, {"Action": "sagemaker:*", "Resource": "*"})
    runtime.invoke_endpoint(EndpointName="e", Body=b"x")
    aws.client("iam").delete_role_policy(RoleName=new_role.rsplit("/", 1)[-1], PolicyName="allow")
    assert refusal_of(runtime.invoke_endpoint, EndpointName="e", Body=b"x")["Error"]["Code"] == "AccessDeniedException"


def test_grants_are_listed_beside_their_use(aws: LocalAws, new_role: str) -> None:
    allow(aws, new_role, {"Action": ["sagemaker:InvokeEndpoint", "sagemaker:DeleteEndpoint"], "Resource": "*"})
    aws.client("sagemaker-runtime", new_role).invoke_endpoint(EndpointName="e", Body=b"x")
    grants = aws.grants(new_role.rsplit("/", 1)[-1])
    assert {grant.action: grant.used for grant in grants} == {
        "sagemaker:InvokeEndpoint": True,
        "sagemaker:DeleteEndpoint": False,
    }


def test_a_temporary_key_from_elsewhere_is_refused(aws: LocalAws) -> None:
    stale = boto3.client(
        "sts",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id="ASIAFROMYESTERDAY000",
        aws_secret_access_key="secret",
        aws_session_token="token",
    )
    assert refusal_of(stale.get_caller_identity)["Error"]["Code"] == "InvalidClientTokenId"


def test_policies_that_aws_manages_can_be_attached(aws: LocalAws, new_role: str) -> None:
    logs = aws.client("logs", new_role)
    assert "AccessDenied" in refusal_of(logs.create_log_group, logGroupName="g")["Error"]["Code"]
    aws.client("iam").attach_role_policy(
        RoleName=new_role.rsplit("/", 1)[-1],
        PolicyArn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole",
    )
    logs.create_log_group(logGroupName="g")


def test_an_assumed_role_is_the_role(aws: LocalAws, new_role: str) -> None:
    granted = aws.client("sts").assume_role(RoleArn=new_role, RoleSessionName="night-shift")
    keys = granted["Credentials"]
    sts = boto3.client(
        "sts",
        endpoint_url=aws.endpoint_url,
        region_name="us-east-1",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    role = new_role.rsplit("/", 1)[-1]
    assert sts.get_caller_identity()["Arn"] == f"arn:aws:sts::123456789012:assumed-role/{role}/night-shift"
    assert granted["AssumedRoleUser"]["Arn"] == sts.get_caller_identity()["Arn"]


def test_a_role_whose_trust_policy_is_silent_cannot_be_assumed(aws: LocalAws) -> None:
    trust = {
        "Statement": {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    }
    role = aws.client("iam").create_role(RoleName="of-lambda", AssumeRolePolicyDocument=json.dumps(trust))
    refused = refusal_of(aws.client("sts").assume_role, RoleArn=role["Role"]["Arn"], RoleSessionName="me")
    assert refused["Error"]["Code"] == "AccessDenied"


def test_a_fault_hits_the_next_calls_and_no_more(aws: LocalAws) -> None:
    runtime = aws.client("sagemaker-runtime")
    fault = aws.faults.add("sagemaker-runtime", "InvokeEndpoint", THROTTLED, times=2)
    codes = [refusal_of(runtime.invoke_endpoint, EndpointName="e", Body=b"x")["Error"]["Code"] for _ in range(2)]
    assert codes == ["ThrottlingException"] * 2
    assert fault.left == 0
    runtime.invoke_endpoint(EndpointName="e", Body=b"x")


def test_a_fault_after_the_effect_leaves_the_effect(aws: LocalAws) -> None:
    ssm = aws.client("ssm")
    aws.faults.add("ssm", "PutParameter", UNAVAILABLE, after_effect=True)
    refused = refusal_of(ssm.put_parameter, Name="/p", Value="v", Type="String")
    assert refused["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert ssm.get_parameter(Name="/p")["Parameter"]["Value"] == "v"


def test_a_fault_of_one_role_spares_the_others(aws: LocalAws) -> None:
    aws.faults.add("sagemaker-runtime", "InvokeEndpoint", role="somebody")
    try:
        aws.client("sagemaker-runtime").invoke_endpoint(EndpointName="e", Body=b"x")
    finally:
        aws.faults.clear()


def test_the_local_aws_itself_is_not_recorded(aws: LocalAws) -> None:
    own = aws.context.client("ssm", None)
    own.put_parameter(Name="/own", Value="v", Type="String")
    before = len(aws.recorded.calls())
    assert own.get_parameter(Name="/own")["Parameter"]["Value"] == "v"
    assert len(aws.recorded.calls()) == before


def test_a_long_poll_does_not_keep_the_awaited_message_out(aws: LocalAws) -> None:
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="awaited")["QueueUrl"]
    sender = aws.context.background("sender", lambda: sqs.send_message(QueueUrl=url, MessageBody="hello"))
    received = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)
    sender.join()
    assert [message["Body"] for message in received["Messages"]] == ["hello"]
