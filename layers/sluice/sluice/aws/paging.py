"""Listings of AWS, page by page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

NEXT_TOKEN: Mapping[str, str] = {"NextToken": "NextToken"}
"""Maps the token field of a response to the field of the request for the next page."""

OBJECTS: Mapping[str, str] = {"NextContinuationToken": "ContinuationToken"}
OBJECT_VERSIONS: Mapping[str, str] = {"NextKeyMarker": "KeyMarker", "NextVersionIdMarker": "VersionIdMarker"}
ITEMS: Mapping[str, str] = {"LastEvaluatedKey": "ExclusiveStartKey"}


def pages(
    call: Callable[..., Mapping[str, Any]], tokens: Mapping[str, str] = NEXT_TOKEN, **request: Any
) -> Iterator[Mapping[str, Any]]:
    """Every page of a listing, each requested when it is needed."""
    following: dict[str, Any] = {}
    while True:
        page = call(**request, **following)
        yield page
        following = {field: page[name] for name, field in tokens.items() if page.get(name)}
        if not following or page.get("IsTruncated") is False:
            return
