"""Redeploy: ``sam deploy`` updates Sluice in the middle of a canary, which the new code brings to its end."""

from __future__ import annotations

from rehearsal.deploy import copy_build, sam_deploy
from rehearsal.drivers.surroundings import STAGE
from rehearsal.scenarios.scene import Scene
from rehearsal.scenarios.scene_context import SceneContext

MARK = "this code was deployed in the middle of a rollout"
# Each takes a step of the rollout after its first stage; with the names of their log groups.
CHANGED = {
    "ShiftTrafficFunction": "shift-traffic",
    "AnalyzeStageFunction": "analyze-stage",
    "PromoteCandidateFunction": "promote-candidate",
}


def play(context: SceneContext) -> None:
    # The gate holds the first stage until the update has come to its end, however long that takes on a busy machine.
    first = {"weight": 20, "bake": "10s", "gate": "human"}
    context.apply(rollout={"strategy": "canary", "stages": [first, {"weight": 50, "bake": "10s"}]})
    traffic = context.go_live()
    good = context.release()
    context.reach_weight(good, 20)

    before = _digests(context)
    with context.step("sam deploy with changed functions"):
        _deploy_changed(context)
    after = _digests(context)
    changed = {name for name in after if after[name] != before.get(name)}
    context.check(
        "sam deploy in the middle of a canary",
        f"changes {', '.join(sorted(CHANGED))} and nothing else, at 20 % of the traffic",
        f"changed {', '.join(sorted(changed))}, at {context.weights(good)} %",
        right=changed == CHANGED.keys() and before.keys() == after.keys() and context.weights(good) == [20],
    )

    context.wait_for(
        f"version {good} to reach the gate",
        lambda event: event.kind == "RolloutWaitsForGate" and event.detail["version"] == good,
    )
    context.sluice("continue", context.model, "--reason", "the update is through")
    ended = context.outcome_of(good)
    context.check(
        "the rollout",
        "20 % → 50 % → 100 %, promoted",
        f"{context.weights(good)} %, {ended.kind}, endpoint serves {context.shares()}",
        right=ended.kind == "RolloutPromoted"
        and context.weights(good) == [20, 50]
        and list(context.shares()) == [f"v{good}"],
    )
    acted = [name for name, log in CHANGED.items() if _has_run(context, log)]
    context.check(
        "new code", f"ran in {', '.join(CHANGED)}", f"ran in {', '.join(acted)}", right=acted == list(CHANGED)
    )
    sent = traffic.sent()
    failed = sum(each.failed for each in sent)
    context.check("client meanwhile", "0 failed requests", f"{failed} of {len(sent)}", right=failed == 0 < len(sent))


def _deploy_changed(context: SceneContext) -> None:
    checkout = context.around.folder / "redeployed"
    built = copy_build(context.around.repo, checkout)
    for name in CHANGED:
        with (built / name / "app.py").open("a") as code:
            code.write(f'\nprint("{MARK}")\n')
    sam_deploy(context.around.repo, STAGE, context.around.environment, checkout)


def _digests(context: SceneContext) -> dict[str, str]:
    """The digest of each function's code, by logical id."""
    pages = context.client("cloudformation").get_paginator("list_stack_resources").paginate(StackName=f"sluice-{STAGE}")
    functions = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for page in pages
        for each in page["StackResourceSummaries"]
        if each["ResourceType"] == "AWS::Lambda::Function"
    }
    client = context.client("lambda")
    return {
        logical_id: client.get_function_configuration(FunctionName=name)["CodeSha256"]
        for logical_id, name in functions.items()
    }


def _has_run(context: SceneContext, function: str) -> bool:
    group = f"/aws/lambda/sluice-{STAGE}-{function}"
    pages = context.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return any(MARK in event["message"] for page in pages for event in page["events"])


SCENE = Scene(name="redeploy", about="sam deploy with changed code in the middle of a canary", play=play)
