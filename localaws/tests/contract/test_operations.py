"""The table of operations says what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from localaws.moto.operations import SERVED, WITHOUT_EFFECT
from localaws.moto.refusals import REFUSED
from localaws.operations import ServiceTable, own_operations, page, tables

LOCALAWS = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found() -> list[ServiceTable]:
    return tables(own_operations())


def test_the_page_is_what_the_code_says(found: list[ServiceTable]) -> None:
    said = (LOCALAWS / "OPERATIONS.md").read_text()
    assert said == page(found), "run: python -m localaws.operations > localaws/OPERATIONS.md"
    assert "(OPERATIONS.md)" in (LOCALAWS / "README.md").read_text()


def test_what_is_served_or_refused_is_an_operation_of_aws(found: list[ServiceTable]) -> None:
    for table in found:
        refused = frozenset().union(*table.refused.values())
        assert not table.served & refused
        assert table.without_effect <= table.served
        assert not table.not_there & (table.served | refused)


def test_the_tables_of_moto_name_each_operation_once() -> None:
    for service, reasons in REFUSED.items():
        refused = [name for names in reasons.values() for name in names]
        assert len(refused) == len(set(refused))
        assert not SERVED[service] & set(refused)
    assert WITHOUT_EFFECT.keys() <= SERVED.keys()
