"""``sluice train`` uploads data, or starts the pipeline once for the same data and parameters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sluice.spec.model import ModelSpec
from sluice.training.manifest import File, Manifest
from sluice.training.manifest_store import write_manifest
from sluice.training.run_queue import advance_queue
from sluice.training.run_slot import RunSlot

from cli.failures import BadInputError, CommandError, NotFoundError
from cli.main import command_line
from cli.training.executions import Execution
from tests.builders.fake_aws import FakeAws
from tests.builders.spec_examples import spec_with
from tests.fakes.aws_state import START
from tests.fakes.sluice_world import SluiceWorld, sluice_world

ARN = "arn:aws:sagemaker:us-east-1:1:pipeline/sluice-dev-fraud/execution/by-event"


def train(aws: FakeAws, *more: str) -> int:
    arguments = command_line({}).parse_args(["train", *more])
    return int(arguments.run(arguments, aws.session()))


@pytest.fixture
def aws() -> FakeAws:
    aws = FakeAws()
    aws.ssm.parameters["/sluice/dev/models/fraud"] = json.dumps(spec_with())
    parameters = [{"Name": "Rounds", "Type": "Integer"}, {"Name": "InputData", "Type": "String"}]
    aws.sagemaker.pipelines["sluice-dev-fraud"] = {"PipelineDefinition": json.dumps({"Parameters": parameters})}
    return aws


ROWS = "age,shop,risk\n" + "30,a,2\n" * 3


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    file = tmp_path / "märz data.csv"
    file.write_text(ROWS)
    return file


def test_data_is_uploaded_where_the_event_rule_looks(aws: FakeAws, csv: Path) -> None:
    assert train(aws, "fraud", "--data", str(csv)) == 0
    assert aws.s3.objects == {"data/fraud/märz data.csv": ROWS.encode()}


def test_data_that_breaks_the_contract_is_reported_before_it_is_uploaded(aws: FakeAws, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("age,shop,risk\nmany,a,2\n")
    with pytest.raises(BadInputError, match="breaks the data contract, nothing is uploaded"):
        train(aws, "fraud", "--data", str(file), "--wait")
    assert aws.s3.objects == {}


def test_waiting_follows_the_run_that_the_upload_started(aws: FakeAws, csv: Path) -> None:
    aws.sagemaker.run("arn:old", {})
    steps = (("PreprocessData", "Succeeded"), ("TrainModel", "Failed"))
    aws.on_sleep = lambda: aws.sagemaker.run(ARN, {}, steps)
    assert train(aws, "fraud", "--data", str(csv), "--wait") == 1
    assert "by-event" in aws.shown
    assert "TrainModel  Failed" in aws.shown


def test_a_run_that_only_took_from_the_cache_says_so(aws: FakeAws, csv: Path) -> None:
    job = {
        "Metadata": {"TrainingJob": {"Arn": "arn:job/x"}},
        "CacheHitResult": {"SourcePipelineExecutionArn": "arn/old"},
    }
    package = {"Metadata": {"RegisterModel": {"Arn": "arn:aws:sagemaker:us-east-1:1:model-package/sluice-dev-fraud/8"}}}

    def start() -> None:
        aws.sagemaker.run(ARN, {}, (("TrainModel", "Succeeded"), ("RegisterModel", "Succeeded")))
        for step, more in zip(aws.sagemaker.executions[0]["steps"], (job, package), strict=True):
            step.update(more)

    aws.on_sleep = start
    assert train(aws, "fraud", "--data", str(csv), "--wait") == 0
    assert "fraud/8, all from the cache: the model of run old" in aws.shown


def test_waiting_for_a_run_that_never_starts_ends(aws: FakeAws, csv: Path) -> None:
    with pytest.raises(CommandError, match="No run has started"):
        train(aws, "fraud", "--data", str(csv), "--wait")


@pytest.fixture
def world(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> SluiceWorld:
    """The table and pipelines that the functions use, with one file waiting."""
    world = sluice_world()
    monkeypatch.setattr("cli.training.train.ports_of", lambda _session: world.ports)
    monkeypatch.setattr(
        "cli.training.train.describe",
        lambda _session, arn: Execution(arn=arn, status="Executing", started=None),
    )
    aws.on_sleep = world.wake
    return world


def upload_to(world: SluiceWorld) -> None:
    key = "data/fraud/a.csv"
    world.bucket.objects[key] = b"age,risk\n30,1\n"
    world.ports.pending_inputs.add_file("fraud", File(bucket="lake", key=key, version_id="v1", etag="e", size=1), START)


def started(world: SluiceWorld) -> list[str | None]:
    return [each.parameters.get("Rounds") for each in world.pipelines.started.values()]


def test_a_run_starts_once_for_the_same_data_and_parameters(aws: FakeAws, world: SluiceWorld) -> None:
    upload_to(world)
    world.clock.pass_seconds(60)
    for expected, more in (
        (["5"], ["--parameter", "Rounds=5"]),
        (["5"], ["--parameter", "Rounds=5"]),
        (["5", "6"], ["--parameter", "Rounds=6"]),
        (["5", "6", "5"], ["--parameter", "Rounds=5", "--again"]),
    ):
        assert train(aws, "fraud", *more) == 0
        assert started(world) == expected
        for execution in world.pipelines.running("sluice-dev-fraud"):
            aws.sagemaker.run(execution.arn, {})
            world.end_run()
    assert "ran before" in aws.shown


def run_to_its_end(aws: FakeAws, world: SluiceWorld, *more: str) -> int:
    """How many runs there are in all after this command."""
    assert train(aws, "fraud", *more) == 0
    for execution in world.pipelines.running("sluice-dev-fraud"):
        aws.sagemaker.run(execution.arn, {})
        world.end_run()
    return len(world.pipelines.started)


def test_a_changed_spec_trains_anew_on_the_same_data(aws: FakeAws, world: SluiceWorld) -> None:
    """The definition holds the spec's parameters and gate, and names code and contract by their digests."""
    upload_to(world)
    world.clock.pass_seconds(60)
    assert run_to_its_end(aws, world) == 1
    world.pipelines.steps = ({"Name": "TrainModel", "Arguments": "with another NumRound, gate, code or contract"},)
    assert run_to_its_end(aws, world) == 2
    assert "ran before" not in aws.shown
    assert run_to_its_end(aws, world) == 2
    assert "ran before" in aws.shown
    world.pipelines.steps = ()
    assert run_to_its_end(aws, world) == 2


def test_a_gate_that_compares_is_asked_again_once_another_version_is_live(aws: FakeAws, world: SluiceWorld) -> None:
    raw = world.specs.get("fraud").to_json()
    compares = {**raw["pipeline"], "gate": {"not_worse_than_live_percent": 10}}
    world.specs.specs["fraud"] = ModelSpec.parse({**raw, "pipeline": compares})
    upload_to(world)
    world.clock.pass_seconds(60)
    assert run_to_its_end(aws, world) == run_to_its_end(aws, world) == 1
    world.live(1)
    assert run_to_its_end(aws, world) == run_to_its_end(aws, world) == 2


def test_a_run_that_release_0_2_has_claimed_goes_on_under_its_name(aws: FakeAws, world: SluiceWorld) -> None:
    """In release 0.2 the token was the manifest's digest; an update of the stack in mid-run starts no second one."""
    upload_to(world)
    world.clock.pass_seconds(60)
    manifest = Manifest.of("fraud", [each.file for each in world.ports.pending_inputs.get("fraud").files])
    write_manifest(manifest, world.ports)
    claimed = RunSlot(
        model="fraud",
        number=1,
        run=f"data-{manifest.digest[:24]}",
        token=manifest.digest,
        digest=manifest.digest,
        parameters={},
        requests=(),
        claimed_at=world.ports.now().isoformat(),
    )
    assert world.ports.run_slots.claim(claimed, None)
    advance_queue("fraud", world.ports)
    assert [each.run for each in world.pipelines.started.values()] == [claimed.run]
    world.end_run()
    assert len(world.pipelines.started) == 1


def test_a_run_that_has_to_wait_for_another_says_so(aws: FakeAws, world: SluiceWorld) -> None:
    upload_to(world)
    world.clock.pass_seconds(60)
    assert train(aws, "fraud") == 0
    assert train(aws, "fraud", "--parameter", "Rounds=7") == 0
    assert "starts when" in aws.shown
    assert started(world) == [None]
    world.end_run()
    assert started(world) == [None, "7"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--parameter", "Rounds"], "Name=Value"),
        (["--parameter", "Rounds="], "Name=Value"),
        (["--parameter", "Runds=5"], "did you mean 'Rounds'"),
        (["--parameter", "Rounds=many"], "no Integer"),
        (["--parameter", "InputData=s3://x"], "filled by Sluice"),
        (["--data", "nowhere.csv"], "no such file"),
        (["--data", "{csv}", "--parameter", "Rounds=5"], "takes no --parameter"),
        (["--data", "{csv}", "{csv}"], "same name"),
    ],
)
def test_bad_input_starts_nothing(aws: FakeAws, csv: Path, more: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        train(aws, "fraud", *(part.replace("{csv}", str(csv)) for part in more))
    assert not aws.s3.objects
    assert not aws.sagemaker.executions


def test_an_empty_file_is_not_uploaded(aws: FakeAws, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    with pytest.raises(BadInputError, match="empty"):
        train(aws, "fraud", "--data", str(tmp_path / "empty.csv"))


def test_a_model_without_data_says_how_to_bring_some(aws: FakeAws, world: SluiceWorld) -> None:
    with pytest.raises(NotFoundError, match="--data FILE"):
        train(aws, "fraud")
    assert world.pipelines.started == {}


def test_a_mistyped_parameter_is_answered_with_what_a_request_may_set(aws: FakeAws) -> None:
    """And not with the thresholds and the approval, which the next try would be refused."""
    compared = {"LeftValue": 1, "RightValue": {"Get": "Parameters.MseThreshold"}}
    condition = {"Type": "Condition", "Arguments": {"Conditions": [compared]}}
    names = ("Rounds", "MseThreshold", "InputData")
    definition = {"Parameters": [{"Name": name} for name in names], "Steps": [condition]}
    aws.sagemaker.pipelines["sluice-dev-fraud"] = {"PipelineDefinition": json.dumps(definition)}
    with pytest.raises(BadInputError, match=r"no parameter 'Nope' \(a request may set: Rounds\)"):
        train(aws, "fraud", "--parameter", "Nope=1")
