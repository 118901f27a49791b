"""Listings: every page is read, in order, and none before it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sluice.aws.paging import ITEMS, NEXT_TOKEN, OBJECT_VERSIONS, OBJECTS, pages


class Listing:
    """Answers one page after the other, and keeps what it was asked."""

    def __init__(self, *answers: Mapping[str, Any]) -> None:
        self._answers = list(answers)
        self.asked: list[dict[str, Any]] = []

    def __call__(self, **request: Any) -> Mapping[str, Any]:
        self.asked.append(request)
        return self._answers.pop(0)


@pytest.mark.parametrize(
    ("tokens", "told", "given"),
    [
        (NEXT_TOKEN, {"NextToken": "t"}, {"NextToken": "t"}),
        (OBJECTS, {"IsTruncated": True, "NextContinuationToken": "t"}, {"ContinuationToken": "t"}),
        (ITEMS, {"LastEvaluatedKey": {"pk": {"S": "a"}}}, {"ExclusiveStartKey": {"pk": {"S": "a"}}}),
        (
            OBJECT_VERSIONS,
            {"IsTruncated": True, "NextKeyMarker": "k", "NextVersionIdMarker": "v"},
            {"KeyMarker": "k", "VersionIdMarker": "v"},
        ),
        (OBJECT_VERSIONS, {"IsTruncated": True, "NextKeyMarker": "k"}, {"KeyMarker": "k"}),
    ],
    ids=["NextToken", "objects", "items", "versions", "versions by key alone"],
)
def test_the_next_page_is_asked_for_where_the_last_one_ended(
    tokens: Mapping[str, str], told: Mapping[str, Any], given: Mapping[str, Any]
) -> None:
    listing = Listing({"page": 1, **told}, {"page": 2, **told}, {"page": 3})
    assert [each["page"] for each in pages(listing, tokens, Name="n")] == [1, 2, 3]
    assert listing.asked == [{"Name": "n"}, {"Name": "n", **given}, {"Name": "n", **given}]


def test_a_token_of_the_last_page_does_not_count() -> None:
    listing = Listing({"IsTruncated": False, "NextKeyMarker": "k"})
    assert len(list(pages(listing, OBJECT_VERSIONS, Bucket="b"))) == 1


@pytest.mark.parametrize("token", [None, ""])
def test_an_empty_token_is_none(token: str | None) -> None:
    assert len(list(pages(Listing({"NextToken": token})))) == 1


def test_a_page_that_nobody_reads_is_not_asked_for() -> None:
    listing = Listing({"NextToken": "t"}, {})
    next(pages(listing))
    assert len(listing.asked) == 1
