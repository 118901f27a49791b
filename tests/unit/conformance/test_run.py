"""Which facts are checked, what they cost, and what becomes of a check that fails."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from conformance.__main__ import main, terms
from conformance.account import Account
from conformance.fact import Bill, Fact, Group, Observation, Verdict, confirmed_if
from conformance.facts import GROUPS
from conformance.run import Result, chosen, exit_status, run

ACCOUNT = Account(run="abc", region="us-east-1", image="image", session=None)


def fact(name: str, observation: Observation | Exception) -> Fact:
    def check(_account: Account) -> Observation:
        if isinstance(observation, Exception):
            raise observation
        return observation

    return Fact(name=name, statement="It is so.", matters="Much.", check=check)


def group(*facts: Fact, name: str = "paid") -> Group:
    return Group(name=name, bill=Bill(dollars=0.5, minutes=10, what_for="an instance"), facts=facts)


HOLDS = fact("holds", confirmed_if(True, "yes"))
FAILS = fact("fails", confirmed_if(False, "no"))
DENIED = fact("denied", ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "CreateModel"))
BROKEN = fact("broken", RuntimeError("the endpoint is Failed"))


def test_a_check_that_aws_refuses_leaves_its_fact_open_with_the_error() -> None:
    told: list[Result] = []
    results = run([group(DENIED, BROKEN, HOLDS)], ACCOUNT, told.append)
    assert told == results
    found = {result.fact.name: result.observation for result in results}
    assert found["denied"].verdict is Verdict.OPEN
    assert "AccessDenied" in found["denied"].seen
    assert found["broken"] == Observation(verdict=Verdict.OPEN, seen="the endpoint is Failed")
    assert found["holds"].verdict is Verdict.CONFIRMED


@pytest.mark.parametrize(
    ("facts", "status"),
    [([HOLDS], 0), ([HOLDS, FAILS, DENIED], 1), ([HOLDS, DENIED], 3)],
    ids=["confirmed", "refuted", "open"],
)
def test_the_exit_status_says_the_worst(facts: list[Fact], status: int) -> None:
    assert exit_status(run([group(*facts)], ACCOUNT, lambda _result: None)) == status


def test_facts_are_chosen_by_their_names_or_their_groups() -> None:
    groups = [group(HOLDS, FAILS), group(DENIED, name="free")]
    assert [each.facts for each in chosen(groups, ["fails"], is_free=False)] == [(FAILS,)]
    assert [each.facts for each in chosen(groups, ["paid"], is_free=False)] == [(HOLDS, FAILS)]
    assert [each.name for each in chosen(groups, [], is_free=True)] == ["free"]
    with pytest.raises(ValueError, match="no fact or group nonsense"):
        chosen(groups, ["nonsense"], is_free=False)


def test_the_cost_is_that_of_all_groups_before_anything_is_done() -> None:
    said = terms([group(HOLDS), group(DENIED, name="other")], "123456789012", ACCOUNT)
    assert "at most $1.00" in said
    assert "sluice-verify-abc-" in said
    assert "123456789012" in said


def test_names_are_unique_and_every_statement_says_why_it_matters() -> None:
    facts = [each for one in GROUPS for each in one.facts]
    assert len({each.name for each in facts}) == len(facts)
    assert all(each.statement.endswith(".") and each.matters.endswith(".") for each in facts)


def test_a_list_needs_no_account(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    assert main(["--list", "--free"]) == 0
    printed = capsys.readouterr().out
    assert "object-key-is-raw" in printed
    assert "real-time" not in printed


def test_an_unknown_fact_is_refused_by_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["object-keys"]) == 2
    assert "no fact or group object-keys" in capsys.readouterr().err


def test_ctrl_c_ends_the_checks_that_wait() -> None:
    account = Account(run="abc", region="us-east-1", image="image", session=None)
    not_begun: list[str] = []

    def waits(one: Account) -> Observation:
        one.eventually(lambda: None)
        raise AssertionError("it was to end")

    def never(_one: Account) -> Observation:
        not_begun.append("begun")
        return confirmed_if(True, "yes")

    def interrupted(_one: Account) -> Observation:
        raise KeyboardInterrupt

    def named(name: str, check: Callable[[Account], Observation]) -> Fact:
        return Fact(name=name, statement="It is so.", matters="Much.", check=check)

    with pytest.raises(KeyboardInterrupt):
        run(
            [group(named("interrupted", interrupted)), group(named("waits", waits), named("never", never))],
            account,
            lambda _result: None,
        )
    assert not_begun == []


def test_ctrl_c_cleans_up_keeps_what_was_seen_and_ends_with_130(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deleted: list[str] = []
    account = Account(run="abc", region="us-east-1", image="image", session=None)
    account.undo("a bucket", lambda: deleted.append("a bucket"))
    monkeypatch.setattr(Account, "number", lambda _self: "123456789012")
    monkeypatch.setattr("conformance.__main__.account_of", lambda _session, _pace: account)

    def interrupted(_one: Account) -> Observation:
        raise KeyboardInterrupt

    waits = Fact(name="waits", statement="It is so.", matters="Much.", check=interrupted)
    monkeypatch.setattr("conformance.__main__.GROUPS", (group(HOLDS, waits),))
    file = tmp_path / "results.json"
    assert main(["--yes", "--json", str(file)]) == 130
    assert deleted == ["a bucket"]
    assert [each["fact"] for each in json.loads(file.read_text())] == ["holds"]
    assert capsys.readouterr().err == "interrupted: deleting what was made\n"


def test_ctrl_c_at_the_question_is_a_no(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted(_question: str) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(Account, "number", lambda _self: "123456789012")
    monkeypatch.setattr("conformance.__main__.account_of", lambda _session, _pace: ACCOUNT)
    assert main([], answer=interrupted) == 2
    assert capsys.readouterr().out.endswith("Nothing was done.\n")
