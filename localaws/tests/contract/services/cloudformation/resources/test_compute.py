"""Functions with what invokes them, and state machines, are created, updated and deleted."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from localaws.services.cloudformation.resources import HANDLERS
from localaws.services.cloudformation.resources.creation import AlreadyExistsError
from localaws.services.cloudformation.resources.handler import changed_properties
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.contract.services.cloudformation.resources.bench import HELD_UP, Bench, error_code


def test_a_function_gets_new_code_settings_and_limits_and_loses_them_again(bench: Bench) -> None:
    lambda_ = bench.client("lambda")
    function = bench.function(
        "Worker",
        Timeout=30,
        Environment={"Variables": {"MODE": "one"}},
        TracingConfig={"Mode": "Active"},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": "/shop/worker"},
        ReservedConcurrentExecutions=3,
        Tags=[{"Key": "part", "Value": "worker"}],
    )
    name = function.physical_id
    assert name.startswith("shop-dev-Worker-")
    assert json.loads(lambda_.invoke(FunctionName=name)["Payload"].read()) == "first"
    revised = bench.update(
        function,
        Code=bench.code("Worker-2", "second"),
        Timeout=40,
        Environment={"Variables": {"MODE": "two"}},
        ReservedConcurrentExecutions=4,
        Tags=[{"Key": "team", "Value": "shop"}],
    )
    shown = lambda_.get_function(FunctionName=name)
    assert shown["Configuration"]["Timeout"] == 40
    assert shown["Configuration"]["Environment"]["Variables"] == {"MODE": "two"}
    assert shown["Concurrency"] == {"ReservedConcurrentExecutions": 4}
    assert shown["Tags"] == {"team": "shop"}
    assert json.loads(lambda_.invoke(FunctionName=name)["Payload"].read()) == "second"
    bare = bench.update(
        revised,
        Timeout=None,
        Environment=None,
        TracingConfig=None,
        LoggingConfig=None,
        ReservedConcurrentExecutions=None,
        Tags=None,
    )
    shown = lambda_.get_function(FunctionName=name)
    assert shown["Configuration"]["Timeout"] == 3
    assert "Environment" not in shown["Configuration"]
    assert shown["Configuration"]["TracingConfig"] == {"Mode": "PassThrough"}
    assert shown["Configuration"]["LoggingConfig"] == {"LogFormat": "Text", "LogGroup": f"/aws/lambda/{name}"}
    assert "Concurrency" not in shown
    assert "Tags" not in shown
    with pytest.raises(PropertyError, match="property VpcConfig: not supported"):
        bench.update(bare, VpcConfig={"SubnetIds": []})
    bench.delete(bare)
    with pytest.raises(ClientError) as refused:
        lambda_.get_function(FunctionName=name)
    assert error_code(refused) == "ResourceNotFoundException"


def test_new_code_lets_a_running_invocation_finish_and_takes_the_next(bench: Bench, tmp_path: Path) -> None:
    lambda_, began, end = bench.client("lambda"), tmp_path / "began", tmp_path / "end"
    function = bench.function("Busy")
    name = function.physical_id
    function = bench.update(function, Code=bench.upload("Busy-2", HELD_UP), Timeout=30)
    event = json.dumps({"began": str(began), "end": str(end)})

    def invoke() -> str:
        return str(json.loads(lambda_.invoke(FunctionName=name, Payload=event)["Payload"].read()))

    with ThreadPoolExecutor(1) as running:
        answer = running.submit(invoke)
        while not began.exists():
            time.sleep(0.01)
        bench.update(function, Code=bench.code("Busy-3", "second"))
        assert invoke() == "second"
        assert not answer.done()
        end.touch()
        assert answer.result() == "first"
    assert invoke() == "second"


def test_a_layer_version_is_published_anew_and_the_old_one_deleted(bench: Bench) -> None:
    lambda_ = bench.client("lambda")
    first = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "x"))
    assert changed_properties(first.properties, {**first.properties, "Content": {}}) <= HANDLERS[first.type].replaced_by
    second = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "y"))
    assert [one.physical_id.rsplit(":", 1)[1] for one in (first, second)] == ["1", "2"]
    bench.delete(first)
    with pytest.raises(ClientError) as refused:
        lambda_.get_layer_version(LayerName="shared", VersionNumber=1)
    assert error_code(refused) == "ResourceNotFoundException"
    third = bench.create("AWS::Lambda::LayerVersion", LayerName="shared", Content=bench.code("layer", "z"))
    assert third.physical_id.endswith(":3"), "the number of a deleted version is not given again"


def test_a_permission_is_added_beside_the_one_it_replaces(bench: Bench) -> None:
    name = bench.function("Called").physical_id
    given = {"FunctionName": name, "Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    first = bench.create("AWS::Lambda::Permission", SourceArn=bench.arn("events", "rule/a"), **given)
    second = bench.create("AWS::Lambda::Permission", SourceArn=bench.arn("events", "rule/b"), **given)
    bench.delete(first)
    (statement,) = json.loads(bench.client("lambda").get_policy(FunctionName=name)["Policy"])["Statement"]
    assert statement["Sid"] == second.physical_id


def test_a_mapping_is_changed_in_place(bench: Bench) -> None:
    function, other = bench.function("Reader"), bench.function("OtherReader")
    queue = bench.create("AWS::SQS::Queue", "Inbox")
    mapping = bench.create(
        "AWS::Lambda::EventSourceMapping",
        EventSourceArn=queue.attributes["Arn"],
        FunctionName=function.physical_id,
        BatchSize=100,
        MaximumBatchingWindowInSeconds=1,
        FunctionResponseTypes=["ReportBatchItemFailures"],
        Enabled=False,
    )
    more = bench.update(mapping, BatchSize=50, FunctionName=other.physical_id, Tags=[{"Key": "a", "Value": "b"}])
    lambda_ = bench.client("lambda")
    shown = lambda_.get_event_source_mapping(UUID=mapping.physical_id)
    assert (shown["BatchSize"], shown["FunctionArn"]) == (50, other.attributes["Arn"])
    assert lambda_.list_tags(Resource=mapping.attributes["EventSourceMappingArn"])["Tags"] == {"a": "b"}
    with pytest.raises(ClientError, match="Maximum batch window must be at least 1"):
        bench.update(more, MaximumBatchingWindowInSeconds=None)
    bare = bench.update(
        more, BatchSize=None, MaximumBatchingWindowInSeconds=None, FunctionResponseTypes=None, Tags=None
    )
    shown = lambda_.get_event_source_mapping(UUID=mapping.physical_id)
    assert (shown["BatchSize"], shown["MaximumBatchingWindowInSeconds"]) == (10, 0)
    assert shown["FunctionResponseTypes"] == []
    bench.delete(bare)
    assert lambda_.list_event_source_mappings()["EventSourceMappings"] == []


def test_what_happens_to_failed_asynchronous_invocations_is_changed_in_place(bench: Bench) -> None:
    name, lost = bench.function("Async").physical_id, bench.arn("sqs", "lost")
    to_queue = {"OnFailure": {"Destination": lost}}
    where = {"FunctionName": name, "Qualifier": "$LATEST"}
    config = bench.create("AWS::Lambda::EventInvokeConfig", MaximumRetryAttempts=0, DestinationConfig=to_queue, **where)
    with pytest.raises(AlreadyExistsError):
        bench.create("AWS::Lambda::EventInvokeConfig", **where)
    bare = bench.update(config, DestinationConfig=None, MaximumRetryAttempts=1)
    shown = bench.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert shown["MaximumRetryAttempts"] == 1
    assert "DestinationConfig" not in shown
    bench.delete(bare)
    with pytest.raises(ClientError) as refused:
        bench.client("lambda").get_function_event_invoke_config(FunctionName=name)
    assert error_code(refused) == "ResourceNotFoundException"


def test_a_state_machine_is_changed_while_an_execution_keeps_its_definition(bench: Bench) -> None:
    states = bench.client("stepfunctions")
    role = bench.role("Machine", "states").attributes["Arn"]
    waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 600, "End": True}}}
    machine = bench.create(
        "AWS::StepFunctions::StateMachine",
        DefinitionString=json.dumps(waiting).replace("600", "${Seconds}"),
        DefinitionSubstitutions={"Seconds": 600},
        RoleArn=role,
        TracingConfiguration={"Enabled": True},
        LoggingConfiguration={"Level": "ERROR"},
        Tags=[{"Key": "a", "Value": "1"}],
    )
    arn = machine.physical_id
    execution = states.start_execution(stateMachineArn=arn)["executionArn"]
    changed = bench.update(
        machine,
        DefinitionSubstitutions={"Seconds": 5},
        TracingConfiguration=None,
        LoggingConfiguration=None,
        Tags=[{"Key": "b", "Value": "2"}],
    )
    shown = states.describe_state_machine(stateMachineArn=arn)
    assert json.loads(shown["definition"])["States"]["W"]["Seconds"] == 5
    assert (shown["tracingConfiguration"], shown["loggingConfiguration"]["level"]) == ({"enabled": False}, "OFF")
    assert states.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "b", "value": "2"}]
    running = states.describe_state_machine_for_execution(executionArn=execution)
    assert json.loads(running["definition"])["States"]["W"]["Seconds"] == 600
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    bench.delete(changed)
    with pytest.raises(ClientError) as refused:
        states.describe_state_machine(stateMachineArn=arn)
    assert error_code(refused) == "StateMachineDoesNotExist"
