"""Draws a scenario from a seed: all choices come from it, so a seed is a run."""

from __future__ import annotations

import random
from dataclasses import replace

from tests.chaos.aim import aimed
from tests.chaos.calls import CALL_FAULTS
from tests.chaos.scenario import Call, Incident, Scenario

AIMED = 3
"""Of so many seeds, the last one is aimed at calls that decide."""

V2 = Incident(0, "approve", version=2)

STRATEGIES = {
    "real-time": ("canary", "canary", "linear", "ab_test", "blue_green", "shadow", "all_at_once"),
    "serverless": ("all_at_once",),
    "async": ("blue_green", "all_at_once"),
    "batch": ("all_at_once",),
}
FUNCTIONS = {
    "open_rollout": 14,
    "abort_rollout": 14,
    "plan_rollout": 30,
    "provision_candidate": 40,
    "shift_traffic": 40,
    "analyze_stage": 60,
    "promote_candidate": 60,
    "roll_back": 40,
    "sweep": 120,
}
SERVICES = ("dynamodb", "sagemaker", "registry", "cloudwatch", "events", "states", "autoscaling", "s3")
EVENTS = (
    "SageMaker Model Package State Change",
    "SageMaker Model Package State Change",
    "CloudWatch Alarm State Change",
    "Step Functions Execution Status Change",
    "RolloutAbortRequested",
)
PEOPLE = (
    "approve", "reject", "reject", "annotate", "delete", "replay decision", "pause", "resume", "promote", "abort",
    "continue", "retry", "stop execution", "weights by hand", "config by hand", "delete endpoint", "delete alarm",
    "apply", "alarm rings", "autoscaling",
)  # fmt: skip


FAMILIES: dict[str, tuple[tuple[str, str], tuple[str, ...], dict[str, int]]] = {
    "uploads": (
        ("all_at_once", "real-time"),
        ("upload", "upload", "upload", "train"),
        {"start_pipeline": 60, "record_pipeline_run": 8, "sweep": 80},
    ),
    "async": (
        ("all_at_once", "async"),
        ("infer",),
        {"invoke_async": 12, "handle_async_result": 40, "sweep": 80},
    ),
    "batch": (
        ("all_at_once", "batch"),
        ("request batch",),
        {"start_batch": 40, "complete_batch": 40, "sweep": 60, "provision_candidate": 40},
    ),
    "outcomes": (
        ("ab_test", "real-time"),
        ("tell outcomes",),
        {"record_outcome": 40, "analyze_stage": 40},
    ),
}
"""Beside the rollouts: strategy and endpoint, what is sent, and the functions that handle it with how many calls."""

SAVES = {"uploads": "set", "async": "replace", "batch": "set", "outcomes": "count_new"}
"""How each of them writes what it has decided on what it read."""


def draw(seed: int) -> Scenario:
    """The scenario of a seed."""
    dice = random.Random(seed)
    if seed % AIMED == AIMED - 1:
        return _aimed(dice)
    family = dice.choices(("rollouts", *FAMILIES), (70, 10, 10, 6, 4))[0]
    return _rollouts(dice) if family == "rollouts" else _messages(dice, family)


def _aimed(dice: random.Random) -> Scenario:
    """Little happens at any time, and the rest at calls that decide."""
    family = dice.choices(("rollouts", *FAMILIES), (80, 6, 6, 5, 3))[0]
    if family == "rollouts":
        later = [Incident(_time(dice, 900), "approve", version=3)] if dice.random() < 0.3 else []
        return aimed(dice, replace(_settings(dice), incidents=(V2, *later)))
    (strategy, endpoint), sent, functions = FAMILIES[family]
    base = Scenario(
        family=family,
        strategy=strategy,
        endpoint=endpoint,
        policy=dice.choice(("supersede", "queue")),
        pace=dice.choice((0.1, 1.0, 3.0)),
        incidents=(V2, *(Incident(_time(dice, 100) + 300, each, version=dice.randint(1, 4)) for each in sent)),
    )
    return aimed(dice, base, sent, functions)


def _messages(dice: random.Random, family: str) -> Scenario:
    """Much is sent, and the functions that handle it meet faults, stand still, and run beside each other."""
    (strategy, endpoint), sent, functions = FAMILIES[family]
    span = dice.choice((100, 900, 2400))
    incidents = []
    if family == "outcomes" or dice.random() < 0.3:
        incidents.append(Incident(0, "approve", version=2))
    late = 300 if family == "outcomes" else 0
    incidents += [
        Incident(_time(dice, span) + late, dice.choice(sent), version=dice.randint(1, 4))
        for _ in range(dice.choice((1, 2, 4, 8)))
    ]
    for _ in range(dice.choice((1, 1, 2, 3, 4))):
        function = dice.choice(tuple(functions))
        call = Call(function, 1 + int(dice.random() ** 2 * functions[function]))
        kind = dice.choices(("call", "race", "event", "outage"), (4, 4, 3, 2))[0]
        if kind == "call":
            incidents.append(Incident(call, dice.choice(CALL_FAULTS[:-1])))
        elif kind == "race":
            if family in SAVES and dice.random() < 0.6:
                call = Call(function, dice.randint(1, 6), SAVES[family])
            if dice.random() < 0.5:
                incidents.append(Incident(call, dice.choice(sent), version=dice.randint(1, 4)))
            incidents.append(Incident(call, "stalled", seconds=dice.choice((5, 20, 50, 70))))
        elif kind == "event":
            incidents.append(_message_event(dice, family, tuple(functions)))
        else:
            incidents.append(
                Incident(
                    _time(dice, span) if dice.random() < 0.5 else call,
                    dice.choice(("out", "throttling", "refusal", "deafness")),
                    dice.choice(("dynamodb", "s3", "sqs", "events", "sagemaker")),
                    seconds=dice.choice((20, 90, 900)),
                )
            )
    ordered = sorted(incidents, key=lambda one: one.at if not isinstance(one.at, Call) else -1.0)
    return Scenario(
        family=family,
        strategy=strategy,
        endpoint=endpoint,
        policy=dice.choice(("supersede", "queue")),
        pace=dice.choice((0.1, 1.0, 3.0)),
        incidents=tuple(ordered),
    )


def _message_event(dice: random.Random, family: str, functions: tuple[str, ...]) -> Incident:
    """A message or an event that comes twice, late, or, where AWS says best effort, not at all."""
    lossy = {
        "uploads": "SageMaker Model Building Pipeline Execution Status Change",
        "async": "notification",
        "batch": "SageMaker Transform Job State Change",
    }
    if family in lossy and dice.random() < 0.4:
        return Incident(Call(f"event:{lossy[family]}", dice.randint(1, 6)), "event lost")
    name = f"queue {functions[1] if family == 'async' else functions[0]}"
    if family == "batch":
        name = "BatchRequested"
    what = dice.choice(("event doubled", "event late"))
    return Incident(Call(f"event:{name}", dice.randint(1, 10)), what, seconds=dice.choice((1, 30, 900)))


def _settings(dice: random.Random) -> Scenario:
    endpoint = dice.choices(tuple(STRATEGIES), (14, 2, 3, 1))[0]
    strategy = dice.choice(STRATEGIES[endpoint])
    return Scenario(
        strategy=strategy,
        endpoint=endpoint,
        policy=dice.choices(("supersede", "queue", "reject"), (3, 2, 1))[0],
        scaled=endpoint in ("real-time", "async") and dice.random() < 0.25,
        gate=strategy not in ("blue_green",) and dice.random() < 0.12,
        watch=dice.choice((0, 0, 120, 600)),
        on_doubt=dice.choices(("roll_back", "pause"), (4, 1))[0],
        pace=dice.choice((0.1, 0.5, 1.0, 3.0)),
        bad=frozenset(each for each in (2, 3) if dice.random() < 0.15),
        broken=frozenset(each for each in (2, 3) if dice.random() < 0.07),
        incidents=(),
    )


def _rollouts(dice: random.Random) -> Scenario:
    scenario = _settings(dice)
    incidents = [V2]
    span = dice.choice((200, 900, 2400))
    if dice.random() < 0.55:
        incidents.append(Incident(_time(dice, span), "approve", version=3))
    if dice.random() < 0.1:
        incidents.append(Incident(_time(dice, span), "approve", version=4))
    if dice.random() < 0.3:
        incidents += _race(dice)
    for _ in range(dice.choice((0, 1, 1, 2, 2, 3, 4, 6))):
        one = _incident(dice, span)
        last = incidents[-1]
        if (dice.random() < 0.3 and last.what not in CALL_FAULTS) or (
            one.what not in CALL_FAULTS and dice.random() < 0.3
        ):
            one = _near(dice, last, one)
        incidents.append(one)
    if dice.random() < 0.06 and len(incidents) > 1:  # what happens next happens days later
        days = dice.choice((1, 5, 25)) * 86400
        late = dice.sample(range(1, len(incidents)), 1)[0]
        incidents = [
            Incident(one.at + days, one.what, one.of, one.version, one.seconds)
            if number >= late and not isinstance(one.at, Call)
            else one
            for number, one in enumerate(incidents)
        ]
    ordered = sorted(incidents, key=lambda one: one.at if not isinstance(one.at, Call) else -1.0)
    return replace(scenario, incidents=tuple(ordered))


WRITES = {
    ("plan_rollout", "set"): 3,  # the lock, and the plan
    ("plan_rollout", "query"): 3,
    ("provision_candidate", "describe"): 3,
    ("provision_candidate", "update_endpoint"): 1,
    ("shift_traffic", "set_weights"): 3,
    ("shift_traffic", "describe"): 6,
    ("analyze_stage", "describe"): 8,
    ("promote_candidate", "set_weights"): 1,
    ("promote_candidate", "update_endpoint"): 1,
    ("promote_candidate", "set_and_delete"): 1,  # the close
    ("promote_candidate", "annotate"): 1,
    ("promote_candidate", "get"): 3,
    ("roll_back", "describe"): 4,
    ("roll_back", "update_endpoint"): 1,
    ("roll_back", "reject"): 1,
    ("roll_back", "set_and_delete"): 1,
    ("open_rollout", "put_new"): 2,
    ("open_rollout", "start"): 2,
    ("abort_rollout", "set"): 2,
    ("abort_rollout", "set_weights"): 1,
    ("sweep", "publish"): 3,
}
"""Calls of which much depends, by how often they come in a rollout."""


def _race(dice: random.Random) -> list[Incident]:
    """A function stands still before such a call, and meanwhile somebody else acts, and what follows goes on."""
    function, operation = dice.choice(tuple(WRITES))
    call = Call(function, dice.randint(1, WRITES[function, operation]), operation)
    what = dice.choices(
        ("approve", "reject", "abort", "alarm rings", "config by hand", "stop execution", "delete"),
        (6, 3, 4, 4, 3, 1, 1),
    )[0]
    version = dice.choice((3, 3, 4)) if what == "approve" else dice.choice((2, 2, 2, 3, 1))
    seconds = dice.choice((0, 0.5, 0.5, 3, 20, 50))
    stalled = [Incident(call, "stalled", seconds=seconds)] if seconds else []
    unheard = "unheard" if what == "reject" and dice.random() < 0.4 else ""
    return [Incident(call, what, unheard, version=version), *stalled]


def _near(dice: random.Random, last: Incident, one: Incident) -> Incident:
    """The same incident shortly after the last one: most troubles meet in pairs."""
    if isinstance(one.at, Call) and one.at.function.startswith("event:"):
        return one
    at: float | Call
    if not isinstance(last.at, Call):
        at = round(last.at + dice.choice((1, 10, 50, 120)), 1)
    elif last.at.function.startswith("event:"):
        return one
    else:
        at = Call(last.at.function, last.at.nth + dice.choice((0, 1, 2, 4)), last.at.operation)
    if isinstance(at, Call) is not isinstance(one.at, Call) and one.what in CALL_FAULTS:
        return one
    return Incident(at, one.what, one.of, one.version, one.seconds)


def _time(dice: random.Random, span: float) -> float:
    return round(dice.uniform(0, span), 1)


def _incident(dice: random.Random, span: float) -> Incident:
    kind = dice.choices(("call", "event", "outage", "person", "aws"), (32, 14, 12, 34, 8))[0]
    if kind == "call":
        what = dice.choice(CALL_FAULTS)
        return Incident(_call(dice), what, seconds=dice.choice((0.5, 5, 20, 50, 70)) if what == "stalled" else 0)
    if kind == "event":
        what = dice.choice(("event lost", "event doubled", "event late"))
        late = 0 if what == "event lost" else dice.choice((1, 30, 300, 2400))
        return Incident(Call(f"event:{dice.choice(EVENTS)}", dice.randint(1, 6)), what, seconds=late)
    if kind == "outage":
        seconds = dice.choice((20, 90, 300, 900, 5400))
        what = dice.choice(("out", "out", "throttling", "refusal", "deafness", "changes refused", "shortage"))
        of = "" if what in ("changes refused", "shortage") else dice.choice(SERVICES)
        return Incident(_when(dice, span), what, of, seconds=seconds)
    if kind == "aws":
        what = dice.choice(("maintenance", "autoscaling", "alarm rings"))
        lasts = dice.choice((60, 600, 3600)) if what == "maintenance" else 0
        return Incident(_when(dice, span), what, version=_version(dice), seconds=lasts)
    what = dice.choice(PEOPLE)
    unheard = "unheard" if what in ("approve", "reject") and dice.random() < 0.3 else ""
    return Incident(_when(dice, span), what, unheard, version=_version(dice))


def _version(dice: random.Random) -> int:
    return dice.choice((1, 2, 2, 2, 3, 3))


def _when(dice: random.Random, span: float) -> float | Call:
    return _call(dice) if dice.random() < 0.35 else _time(dice, span)


def _call(dice: random.Random, function: str = "") -> Call:
    function = function or dice.choice(tuple(FUNCTIONS))
    return Call(function, 1 + int(dice.random() ** 2 * FUNCTIONS[function]))
