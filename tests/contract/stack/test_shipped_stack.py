"""The shipped template, as ``sam build`` leaves it, is deployed onto the whole local AWS."""

from __future__ import annotations

import io
import json
import marshal
import shutil
import subprocess
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from layer_build.dataclass_expansion import expand

from localaws.local_aws import LocalAws
from localaws.services.cloudformation.resources.stack import Stack
from localaws.tests.deploying import BUCKET, deploy
from localaws.tests.interpreters import INTERPRETERS
from rehearsal.build import ensure_built

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 30
SERVICES = (ROOT / "layers" / "sluice" / "botocore-services.txt").read_text()


@pytest.fixture(scope="module")
def built() -> Path:
    return ensure_built(ROOT)


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAws]:
    with LocalAws(tmp_path_factory.mktemp("run"), INTERPRETERS) as local:
        yield local


@pytest.fixture(scope="module")
def stack(aws: LocalAws, built: Path) -> Stack:
    return deploy(aws, built, "sluice-dev", {"Stage": "dev"})


def test_the_sluice_command_finds_what_it_needs_to_know(aws: LocalAws, stack: Stack) -> None:
    text = aws.client("ssm").get_parameter(Name="/sluice/dev/stack")["Parameter"]["Value"]
    assert json.loads(text) == {
        "bucket": stack.output("DataBucketName"),
        "table": stack.output("StateTableName"),
        "pipeline_role_arn": stack.output("PipelineRoleArn"),
        "model_role_arn": stack.output("ModelRoleArn"),
        "register_as": "PendingManualApproval",
        "trusted_images": "arn:aws:ecr:us-east-1:683313688378:repository/sagemaker-xgboost,",
        "trusted_artifacts": "",
        "state_machine_arn": stack.output("RolloutStateMachineArn"),
        "results_table": stack.output("ResultsTableName"),
        "async_queue_url": stack.physical_id("AsyncResultQueue"),
        "upload_queue_url": stack.physical_id("UploadQueue"),
        "upload_queue_arn": "arn:aws:sqs:us-east-1:123456789012:sluice-dev-uploads",
        "event_dead_letters_arn": "arn:aws:sqs:us-east-1:123456789012:sluice-dev-event-dead-letters",
        "schedule_group": "sluice-dev",
        "schedule_role_arn": stack.resources["ScheduleRole"].attributes["Arn"],
        "start_batch_arn": stack.resources["StartBatchFunction"].attributes["Arn"],
        "batch_schedule_role_arn": stack.resources["BatchScheduleRole"].attributes["Arn"],
    }


def test_each_function_is_deployed_with_its_own_role_and_code(aws: LocalAws, stack: Stack) -> None:
    functions = [item for item in stack.resources.values() if item.type == "AWS::Lambda::Function"]
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    assert len(functions) == len(folders)
    client = aws.client("lambda")
    configurations = [client.get_function_configuration(FunctionName=item.physical_id) for item in functions]
    assert len({configuration["Role"] for configuration in configurations}) == len(functions)
    assert len({configuration["CodeSha256"] for configuration in configurations}) == len(functions)
    assert {configuration["Runtime"] for configuration in configurations} == {"python3.13"}
    assert all(len(configuration["Layers"]) == 1 for configuration in configurations)


def test_the_state_machine_calls_the_deployed_functions(aws: LocalAws, stack: Stack) -> None:
    machine = aws.client("stepfunctions").describe_state_machine(stateMachineArn=stack.output("RolloutStateMachineArn"))
    tasks = [state for state in json.loads(machine["definition"])["States"].values() if state["Type"] == "Task"]
    called = {task["Parameters"]["FunctionName"] for task in tasks}
    deployed = {item.attributes.get("Arn") for item in stack.resources.values()}
    assert called
    assert called <= deployed


DIES_ONCE = """
import os, signal
def handler(event, context):
    if not os.path.exists(event["mark"]):
        open(event["mark"], "w").close()
        os._exit(3) if event["death"] == "exit" else os.kill(os.getpid(), signal.SIGKILL)
    return {"status": "READY", "stage": 0, "wait_seconds": 1, "reason": ""}
"""


@pytest.mark.parametrize(("death", "error"), [("exit", "Runtime.ExitError"), ("kill", "Lambda.Unknown")])
def test_a_rollout_goes_on_after_a_functions_process_died(
    aws: LocalAws, tmp_path: Path, death: str, error: str
) -> None:
    """With the retriers that the shipped state machine has, under both names that AWS gives a death."""
    trust = {"Effect": "Allow", "Principal": {"Service": ["lambda.amazonaws.com", "states.amazonaws.com"]}}
    role = aws.client("iam").create_role(
        RoleName=f"mortal-{death}",
        AssumeRolePolicyDocument=json.dumps({"Statement": [{**trust, "Action": "sts:AssumeRole"}]}),
    )["Role"]["Arn"]
    statement = {"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("iam").put_role_policy(RoleName=f"mortal-{death}", PolicyName="own", PolicyDocument=document)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("app.py", DIES_ONCE)
    function = aws.client("lambda").create_function(
        FunctionName=f"mortal-{death}",
        Role=role,
        Runtime="python3.13",
        Handler="app.handler",
        Timeout=30,
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    shipped = json.loads((ROOT / "statemachines" / "rollout.asl.json").read_text())["States"]["PlanRollout"]
    task = {
        **shipped,
        "Resource": "arn:aws:states:::lambda:invoke",
        "Parameters": {"FunctionName": function, "Payload": {"mark": str(tmp_path / "mark"), "death": death}},
        "Next": "Planned",
    }
    states = {"PlanRollout": task, "Planned": {"Type": "Succeed"}, "RollBack": {"Type": "Fail", "Error": "RolledBack"}}
    machines = aws.client("stepfunctions")
    machine = machines.create_state_machine(
        name=f"mortal-{death}", roleArn=role, definition=json.dumps({"StartAt": "PlanRollout", "States": states})
    )["stateMachineArn"]
    execution = machines.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    deadline = time.monotonic() + DEADLINE_SECONDS
    while machines.describe_execution(executionArn=execution)["status"] == "RUNNING":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    events = machines.get_execution_history(executionArn=execution)["events"]
    failures = [each["taskFailedEventDetails"]["error"] for each in events if "taskFailedEventDetails" in each]
    assert failures == [error]
    assert machines.describe_execution(executionArn=execution)["status"] == "SUCCEEDED"


def test_the_layer_holds_our_code_and_only_the_services_it_calls(built: Path, tmp_path: Path) -> None:
    packages = built / "SluiceLayer" / "python"
    shutil.copytree(ROOT / "layers" / "sluice" / "sluice", tmp_path / "sluice")
    expand(tmp_path, ("sluice",))
    ours = {path.relative_to(tmp_path): path.read_bytes() for path in (tmp_path / "sluice").rglob("*.py")}
    assert {path.relative_to(packages): path.read_bytes() for path in (packages / "sluice").rglob("*.py")} == ours
    wanted = {line for line in SERVICES.splitlines() if line and not line.startswith("#")}
    data = packages / "botocore" / "data"
    assert {path.name for path in data.iterdir() if path.is_dir()} == wanted
    natives = [path.name for path in packages.rglob("*") if path.suffix in (".so", ".pyd", ".dylib")]
    assert natives == []
    assert sum(path.stat().st_size for path in packages.rglob("*") if path.suffix != ".pyc") < 8_000_000


CREATE_ALL = """
import sys, json
import botocore.session
session = botocore.session.get_session()
urls = {}
for service in sys.argv[1:]:
    client = session.create_client(
        service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
    )
    urls[service] = [client.meta.endpoint_url, len(client.meta.service_model.operation_names)]
import sluice.names
print(json.dumps(urls))
"""


def test_the_cut_down_botocore_makes_the_same_clients_as_the_whole(built: Path) -> None:
    """Run as on Lambda: a bare interpreter with nothing but the layer on its path."""
    services = [line for line in SERVICES.splitlines() if line and not line.startswith("#")]
    bare = ROOT / ".venvs" / "lambda-runtime" / "bin" / "python"
    environment = {"PYTHONPATH": str(built / "SluiceLayer" / "python"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [bare, "-c", CREATE_ALL, *services], env=environment, capture_output=True, text=True, check=True
    )
    session = botocore.session.Session()
    whole = {}
    for service in services:
        client = session.create_client(
            service, region_name="us-east-1", aws_access_key_id="a", aws_secret_access_key="b"
        )
        whole[service] = [client.meta.endpoint_url, len(client.meta.service_model.operation_names)]
    cut = json.loads(done.stdout)
    assert {name: url for name, (url, _) in cut.items()} == {name: url for name, (url, _) in whole.items()}
    assert all(0 < cut[name][1] < whole[name][1] for name in whole), "only the operations that are called"


def test_the_layer_brings_the_time_zones_that_lambda_lacks(built: Path) -> None:
    bare = ROOT / ".venvs" / "lambda-runtime" / "bin" / "python"
    environment = {
        "PYTHONPATH": str(built / "SluiceLayer" / "python"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONTZPATH": "",  # no database of the machine's own
    }
    asked = "from sluice.rollout.gates.freeze_windows import zone; print(zone('Europe/Berlin'))"
    done = subprocess.run([bare, "-c", asked], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "Europe/Berlin\n"


def test_the_cut_down_endpoints_are_those_of_the_whole_in_every_region(built: Path) -> None:
    packed = built / "SluiceLayer" / "python" / "botocore" / "data" / "endpoints.marshal"
    cut = endpoints(marshal.loads(packed.read_bytes()))
    whole = endpoints(json.loads((Path(botocore.session.__file__).parent / "data" / "endpoints.json").read_text()))
    assert cut.keys() < whole.keys()
    assert {key: whole[key] for key in cut} == cut
    prefixes = {name for _, name in cut}
    assert {key for key in whole if key[1] in prefixes} == cut.keys()


def endpoints(document: dict[str, Any]) -> dict[tuple[str, str], Any]:
    return {
        (partition["partition"], name): entry
        for partition in document["partitions"]
        for name, entry in partition["services"].items()
    }


def test_a_function_is_packed_alone(aws: LocalAws, stack: Stack, built: Path) -> None:
    location = aws.client("lambda").get_function(FunctionName=stack.physical_id("AnalyzeStageFunction"))["Code"]
    assert location
    objects = aws.client("s3").list_objects_v2(Bucket=BUCKET)
    bodies = [
        aws.client("s3").get_object(Bucket=objects["Name"], Key=item["Key"])["Body"].read()
        for item in objects["Contents"]
    ]
    archives = [zipfile.ZipFile(io.BytesIO(body)) for body in bodies if body.startswith(b"PK")]
    look = (built / "AnalyzeStageFunction" / "app.py").read_bytes()
    packed = [archive for archive in archives if sources_in(archive) == ["app.py"]]
    assert look in [archive.read("app.py") for archive in packed]


def sources_in(archive: zipfile.ZipFile) -> list[str]:
    """What it holds besides bytecode, which it has where Lambda's Python built it."""
    return [name for name in archive.namelist() if "__pycache__" not in name]


def test_people_are_notified_of_what_they_need_to_know(aws: LocalAws, stack: Stack) -> None:
    sqs, topic = aws.client("sqs"), stack.output("NotifyTopicArn")
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    admitted = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Statement": [admitted]})})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    for kind, told_by in (
        ("RolloutShifted", "sluice-dev"),
        ("RolloutPromoted", "sluice-prod"),
        ("ModelPending", "sluice-dev"),
    ):
        entry = {"Source": "sluice", "DetailType": kind, "Detail": json.dumps({"model": "fraud", "stack": told_by})}
        aws.client("events").put_events(Entries=[entry])
    (message,) = sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)["Messages"]
    assert json.loads(message["Body"])["detail-type"] == "ModelPending"


def test_every_dead_letter_queue_has_an_alarm_that_tells_people(aws: LocalAws, stack: Stack) -> None:
    queues = {url.rsplit("/", 1)[1] for url in aws.client("sqs").list_queues()["QueueUrls"]}
    alarms = aws.client("cloudwatch").describe_alarms(AlarmNamePrefix="sluice-dev-")["MetricAlarms"]
    watched = {each["Dimensions"][0]["Value"] for each in alarms if each["Namespace"] == "AWS/SQS"}
    assert watched == {name for name in queues if name.endswith("dead-letters")}
    assert {tuple(each["AlarmActions"]) for each in alarms} == {(stack.output("NotifyTopicArn"),)}


def test_nobody_is_subscribed_who_was_not_named(stack: Stack) -> None:
    assert "NotifyByEmail" not in stack.resources
