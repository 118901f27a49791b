"""Rules of the template: least privilege with reasons, logs that end, nothing that can hang or vanish."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "template.yaml").read_text()
TEMPLATE: dict[str, Any] = yaml_parse(TEXT)
RESOURCES: dict[str, dict[str, Any]] = TEMPLATE["Resources"]
GLOBALS: dict[str, Any] = TEMPLATE["Globals"]["Function"]
SYNCHRONOUS = {"SQS", "DynamoDB", "Kinesis", "Api", "HttpApi"}  # the event source itself keeps what fails


def of_type(kind: str) -> dict[str, dict[str, Any]]:
    return {name: item["Properties"] for name, item in RESOURCES.items() if item["Type"] == kind}


FUNCTIONS = of_type("AWS::Serverless::Function")


def test_the_template_has_functions() -> None:
    assert len(FUNCTIONS) >= 5


@pytest.fixture(params=FUNCTIONS)
def function(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


def test_each_function_has_a_folder_and_each_folder_a_function() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    expected = {re.sub(r"(?<!^)(?=[A-Z])", "_", name.removesuffix("Function")).lower() for name in FUNCTIONS}
    assert expected == folders


def test_a_function_says_what_it_does_and_is_built_with_make(function: str) -> None:
    assert FUNCTIONS[function].get("Description")
    assert RESOURCES[function]["Metadata"]["BuildMethod"] == "makefile"


def test_a_function_ends_in_time(function: str) -> None:
    timeout = FUNCTIONS[function].get("Timeout", GLOBALS.get("Timeout"))
    assert timeout is not None
    assert timeout <= 900


def test_a_function_has_its_own_log_group_that_forgets(function: str) -> None:
    groups = of_type("AWS::Logs::LogGroup")
    chosen = FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]
    assert "RetentionInDays" in groups[chosen]
    others = [
        name
        for name, properties in FUNCTIONS.items()
        if name != function and properties["LoggingConfig"]["LogGroup"]["Ref"] == chosen
    ]
    assert others == []


def test_a_log_group_is_named_like_its_function(function: str) -> None:
    """A renamed function needs a new name: CloudFormation creates its group before it deletes the old one."""
    group = RESOURCES[FUNCTIONS[function]["LoggingConfig"]["LogGroup"]["Ref"]]["Properties"]["LogGroupName"]
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", function.removesuffix("Function")).lower()
    assert group["Fn::Sub"] == f"/aws/lambda/sluice-${{Stage}}-{name}"


def test_a_function_invoked_asynchronously_keeps_what_it_could_not_do(function: str) -> None:
    properties = FUNCTIONS[function]
    kinds = {event["Type"] for event in properties.get("Events", {}).values()} - SYNCHRONOUS
    targeted = any(function in str(rule["Targets"]) for rule in of_type("AWS::Events::Rule").values())
    if kinds or targeted:
        destination = properties["EventInvokeConfig"]["DestinationConfig"]["OnFailure"]["Destination"]
        assert destination


def test_a_rule_keeps_what_it_could_not_deliver() -> None:
    rules = of_type("AWS::Events::Rule")
    assert rules
    lossy = [
        f"{name}: {target['Id']}"
        for name, rule in rules.items()
        for target in rule["Targets"]
        if "DeadLetterConfig" not in target
    ]
    assert lossy == []


def test_a_rule_that_invokes_a_function_may_do_so() -> None:
    permitted = {
        (permission["FunctionName"]["Ref"], permission["SourceArn"]["Fn::GetAtt"][0])
        for permission in of_type("AWS::Lambda::Permission").values()
    }
    needed = {
        (target["Arn"]["Fn::GetAtt"][0], name)
        for name, rule in of_type("AWS::Events::Rule").items()
        for target in rule["Targets"]
        if target["Arn"].get("Fn::GetAtt", [""])[0] in FUNCTIONS
    }
    assert needed <= permitted


def test_a_queue_that_feeds_a_function_waits_long_enough_and_gives_up() -> None:
    queues = of_type("AWS::SQS::Queue")
    fed = [
        (name, event["Properties"])
        for name, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]
    assert fed
    for name, source in fed:
        queue = queues[source["Queue"]["Fn::GetAtt"][0]]
        timeout = FUNCTIONS[name].get("Timeout", GLOBALS["Timeout"])
        assert queue["VisibilityTimeout"] >= 6 * timeout + source["MaximumBatchingWindowInSeconds"]
        assert queue["RedrivePolicy"]["maxReceiveCount"] >= 5
        assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_a_function_that_feeds_its_own_queue_says_that_it_means_to() -> None:
    """Lambda stops a chain of a function and its queue after about 16 links unless that is allowed."""
    looping = {
        name
        for name, properties in FUNCTIONS.items()
        for event in properties.get("Events", {}).values()
        if event["Type"] == "SQS" and may_send_to(policies_of(name), event["Properties"]["Queue"])
    }
    assert looping == {name for name, properties in FUNCTIONS.items() if properties.get("RecursiveLoop") == "Allow"}


def policies_of(function: str) -> Any:
    return RESOURCES[f"{function}Role"]["Properties"]["Policies"]


def may_send_to(policies: Any, queue: Any) -> bool:
    return any("sqs:SendMessage" in str(each["Action"]) and each["Resource"] == queue for each in statements(policies))


def test_every_queue_is_encrypted_and_dead_letters_last_longest() -> None:
    for name, queue in of_type("AWS::SQS::Queue").items():
        assert queue.get("SqsManagedSseEnabled"), name
        if "DeadLetters" in name:
            assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600


def test_no_account_region_or_partition_is_written_out() -> None:
    beside_images = re.sub(r"(?ms)^Mappings:$.*?^(?=\w)", "", TEXT).replace("arn:aws:s3:::my-models", "")
    assert re.findall(r"\b\d{12}\b|arn:aws:|\b(?:us|eu|ap)-[a-z]+-\d\b", beside_images) == []


def test_models_and_jobs_get_their_image_from_the_account_that_pipelines_name() -> None:
    images = json.loads((ROOT / "pipelines" / "images.json").read_text())
    accounts = {region: {"Account": image.partition(".")[0]} for region, image in images.items()}
    assert TEMPLATE["Mappings"] == {"XGBoost": accounts}


def test_every_statement_on_all_resources_says_why() -> None:
    lines = TEXT.splitlines()
    document = yaml.compose(TEXT, Loader=yaml.SafeLoader)
    assert document is not None
    wide = list(wide_resources(document))
    assert wide
    unexplained = [
        f"template.yaml:{line + 1}"
        for line in wide
        if "# why: " not in lines[line] and "# why: " not in lines[line - 1]
    ]
    assert unexplained == []


def wide_resources(node: yaml.Node) -> Iterator[int]:
    """Line numbers, from 0, at which an IAM statement's Resource is everything."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "Resource":
                items = value.value if isinstance(value, yaml.SequenceNode) else [value]
                yield from (item.start_mark.line for item in items if item.value == "*")
            yield from wide_resources(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from wide_resources(item)


def test_wide_actions_are_not_granted() -> None:
    granted = [
        action
        for statement in statements(RESOURCES)
        if statement["Effect"] == "Allow"
        for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
    ]
    assert len(granted) > 20
    assert [action for action in granted if "*" in action] == []


def statements(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if "Effect" in value and "Action" in value:
            yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from statements(item)


def test_every_output_is_explained() -> None:
    assert [name for name, output in TEMPLATE["Outputs"].items() if not output.get("Description")] == []


def test_whoever_looks_at_our_endpoints_may_see_a_config_that_was_put_on_one_by_hand() -> None:
    for name in FUNCTIONS:
        seen = [
            str(statement["Resource"])
            for statement in statements(policies_of(name))
            if "sagemaker:DescribeEndpointConfig" in statement["Action"]
        ]
        assert not seen or any(":endpoint-config/*" in resources for resources in seen), name


def test_events_of_sluice_alone_are_those_of_this_stage() -> None:
    patterns = {name: rule.get("EventPattern", {}) for name, rule in of_type("AWS::Events::Rule").items()}
    own = {name: pattern for name, pattern in patterns.items() if pattern.get("source") == ["sluice"]}
    assert own
    for name, pattern in own.items():
        assert {"stack", "stage"} & pattern.get("detail", {}).keys(), f"{name} hears of every stage in the account"


def test_a_topic_admits_eventbridge_without_a_condition_and_others_only_with_one() -> None:
    """EventBridge hands no context to a topic's policy: a Condition in its statement would never hold."""
    topics = {target["Arn"]["Ref"] for rule in of_type("AWS::Events::Rule").values() for target in rule["Targets"]
              if "Ref" in target["Arn"]} & of_type("AWS::SNS::Topic").keys()  # fmt: skip
    assert topics
    admitted = set()
    for policy in of_type("AWS::SNS::TopicPolicy").values():
        (topic,) = policy["Topics"]
        for statement in policy["PolicyDocument"]["Statement"]:
            if statement["Effect"] == "Deny":
                continue
            assert (statement["Action"], statement["Resource"]) == ("sns:Publish", topic)
            assert set(statement["Principal"]) == {"Service"}
            is_eventbridge = statement["Principal"]["Service"] == "events.amazonaws.com"
            assert ("Condition" in statement) != is_eventbridge
            if is_eventbridge:
                admitted.add(topic["Ref"])
    assert admitted == topics
    keys = {name: topic.get("KmsMasterKeyId") for name, topic in of_type("AWS::SNS::Topic").items() if name in topics}
    assert set(keys.values()) == {None}, "the policy of such a key may have no Condition for EventBridge, either"


def test_the_key_of_the_data_is_used_by_exactly_the_roles_that_read_or_write_objects() -> None:
    """``s3:ListBucket`` needs no key; a role that reads or writes without it could not use data under a key."""
    policy = RESOURCES["DataKeyPolicy"]
    using = {role["Ref"] for role in policy["Properties"]["Roles"]}
    touching = set()
    for name, role in of_type("AWS::IAM::Role").items():
        touched = {
            action
            for statement in statements(role["Policies"])
            if "DataBucket" in str(statement["Resource"])
            for action in ([statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"])
        }
        if touched & {"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"}:
            touching.add(name)
    assert using == touching
    assert policy["Condition"] == "HasDataKmsKey"
