"""``make verify-aws``: says the cost, asks, checks each fact, cleans up."""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from conformance.account import PREFIX, Account, Leftover, Pace
from conformance.fact import Group
from conformance.facts import GROUPS
from conformance.run import Result, chosen, exit_status, run

IMAGES = Path(__file__).parents[1] / "pipelines" / "images.json"
DECLINED = 2
INTERRUPTED = 130


def main(argv: Sequence[str] | None = None, pace: Pace | None = None, answer: Callable[[str], str] = input) -> int:
    """0: all confirmed; 1: one refuted; 3: one could not be told; 2: nothing was done; 130: interrupted."""
    arguments = command_line().parse_args(argv)
    try:
        groups = chosen(GROUPS, arguments.fact, arguments.free)
    except ValueError as error:
        print(error, file=sys.stderr)
        return DECLINED
    if arguments.list:
        print("\n\n".join(map(listed, groups)))
        return 0
    session = boto3.Session()
    try:
        account = account_of(session, pace or Pace())
        number = account.number()
    except (BotoCoreError, ClientError, LookupError) as error:
        print(f"cannot begin: {error}", file=sys.stderr)
        return DECLINED
    print(terms(groups, number, account))
    if not arguments.yes and not is_agreed(answer):
        print("Nothing was done.")
        return DECLINED
    results: list[Result] = []

    def tell(result: Result) -> None:
        results.append(result)
        print(told(result), flush=True)

    is_interrupted = False
    try:
        run(groups, account, tell)
    except KeyboardInterrupt:
        is_interrupted = True
        print("interrupted: deleting what was made", file=sys.stderr)
    finally:
        leftovers = account.clean_up()
        print(cleaned(leftovers, account), flush=True)
        if arguments.json is not None:
            arguments.json.write_text(json.dumps([as_json(result) for result in results], indent=1))
    return INTERRUPTED if is_interrupted else exit_status(results)


def is_agreed(answer: Callable[[str], str]) -> bool:
    """Whether the person says yes; Ctrl-C and the end of the input are a no."""
    try:
        return answer("Go on? [y/N] ").strip().lower() in ("y", "yes")
    except (EOFError, KeyboardInterrupt):
        print()
        return False


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="conformance", description="Check on your AWS account what Sluice takes to be true of AWS."
    )
    parser.add_argument("fact", nargs="*", help="names of facts or groups (default: all)")
    parser.add_argument("--free", action="store_true", help="only facts that need no instance")
    parser.add_argument("--list", action="store_true", help="show the facts and their cost, and end")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file as well")
    return parser


def account_of(session: boto3.Session, pace: Pace) -> Account:
    """The account of the session; raises LookupError for a region without the image."""
    region = session.region_name
    if region is None:
        raise LookupError("no region; set AWS_DEFAULT_REGION")
    images: dict[str, str] = json.loads(IMAGES.read_text())
    if region not in images:
        raise LookupError(f"region {region} has no known SageMaker XGBoost image; known: {', '.join(sorted(images))}")
    return Account(run=secrets.token_hex(3), region=region, image=images[region], pace=pace, session=session)


def listed(group: Group) -> str:
    """A group's facts and its bill."""
    lines = [f"{group.name}: {bill(group)}"]
    for fact in group.facts:
        lines += [f"  {fact.name}", f"    {fact.statement}", f"    Matters: {fact.matters}"]
    return "\n".join(lines)


def bill(group: Group) -> str:
    """What a group costs at most."""
    return f"at most ${group.bill.dollars:.2f}, about {group.bill.minutes} minutes ({group.bill.what_for})"


def terms(groups: Sequence[Group], number: str, account: Account) -> str:
    """What will be done where, and what it costs at most, before anything is done."""
    lines = [
        f"Account {number}, {account.region}. Everything made is called {account.name('…')} and deleted at the end."
    ]
    lines += [f"  {group.name}: {len(group.facts)} facts, {bill(group)}" for group in groups]
    dollars = sum(group.bill.dollars for group in groups)
    minutes = max((group.bill.minutes for group in groups), default=0)
    lines.append(f"All of it: at most ${dollars:.2f} at the list prices of us-east-1, about {minutes} minutes.")
    return "\n".join(lines)


def told(result: Result) -> str:
    """A verdict, and what was seen."""
    return (
        f"{result.observation.verdict.value:<9} {result.fact.name}: {result.fact.statement}\n"
        f"          seen: {result.observation.seen}"
    )


def cleaned(leftovers: Sequence[Leftover], account: Account) -> str:
    """What became of what was made."""
    if not leftovers:
        return (
            "Everything that was made is deleted. SageMaker keeps names of ended jobs and pipeline runs, without cost."
        )
    lines = [f"Could not be deleted; look for {account.name('')}* in {account.region}:"]
    return "\n".join(lines + [f"  {each.what}: {each.error}" for each in leftovers])


def as_json(result: Result) -> dict[str, str]:
    """A result for programs."""
    return {
        "fact": result.fact.name,
        "statement": result.fact.statement,
        "verdict": result.observation.verdict.value,
        "seen": result.observation.seen,
    }


def command() -> int:
    """``main``; Ctrl-C before it has begun, or again while it cleans up, gives no traceback either."""
    try:
        return main()
    except KeyboardInterrupt:
        print(f"interrupted; if it had begun, look for what is called {PREFIX}*", file=sys.stderr)
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(command())
