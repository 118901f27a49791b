"""Runs checks, group beside group, and tells of each as soon as it is known."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from conformance.account import Account
from conformance.fact import Fact, Group, Observation, Verdict, still_open


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A fact and what was seen of it."""

    fact: Fact
    observation: Observation


def chosen(groups: Iterable[Group], only: Sequence[str], is_free: bool) -> list[Group]:
    """The groups with the facts that were asked for: all, those named (facts or groups), or those without a bill.

    Raises ValueError naming what there is not.
    """
    all_groups = list(groups)
    known = {group.name for group in all_groups} | {fact.name for group in all_groups for fact in group.facts}
    if unknown := sorted(set(only) - known):
        raise ValueError(f"no fact or group {', '.join(unknown)}; --list shows them")
    kept = []
    for group in all_groups:
        is_whole = not only or group.name in only
        facts = tuple(fact for fact in group.facts if is_whole or fact.name in only)
        if facts and not (is_free and group.name != "free"):
            kept.append(Group(name=group.name, bill=group.bill, facts=facts))
    return kept


def run(groups: Sequence[Group], account: Account, tell: Callable[[Result], None]) -> list[Result]:
    """Check every fact: groups side by side, the facts of a group in turn. ``tell`` is called one at a time."""
    results: list[Result] = []
    lock = threading.Lock()

    def check(group: Group) -> None:
        for fact in group.facts:
            if account.is_stopped:
                return
            result = Result(fact=fact, observation=_observed(fact, account))
            with lock:
                results.append(result)
                tell(result)

    with ThreadPoolExecutor(max(1, len(groups))) as pool:
        running = [pool.submit(check, group) for group in groups]
        try:
            for done in running:
                done.result()
        except BaseException:
            account.stop()  # else leaving the pool waits for everything that is still to be checked
            raise
    return results


def _observed(fact: Fact, account: Account) -> Observation:
    try:
        return fact.check(account)
    except (ClientError, BotoCoreError) as error:
        return still_open(f"AWS answered: {error}")
    except (RuntimeError, TimeoutError) as error:
        return still_open(str(error))


def exit_status(results: Iterable[Result]) -> int:
    """0: every statement is confirmed; 1: one is refuted; 3: none is refuted, but one is open."""
    verdicts = {result.observation.verdict for result in results}
    if Verdict.REFUTED in verdicts:
        return 1
    return 3 if Verdict.OPEN in verdicts else 0
