"""Where a template is, which page is asked for, and what is refused by name."""

from __future__ import annotations

import pytest

from localaws.service_api import AwsError
from localaws.services.cloudformation.requests import page, refuse_unserved, s3_place

ENDPOINT = "http://127.0.0.1:4566"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        pytest.param(f"{ENDPOINT}/b/dir/k", {"Bucket": "b", "Key": "dir/k"}, id="of the endpoint"),
        pytest.param("https://s3.amazonaws.com/b/k", {"Bucket": "b", "Key": "k"}, id="path style"),
        pytest.param("https://s3.eu-west-1.amazonaws.com/b/k", {"Bucket": "b", "Key": "k"}, id="of a region"),
        pytest.param("https://s3-eu-west-1.amazonaws.com/b/k", {"Bucket": "b", "Key": "k"}, id="of a region, old"),
        pytest.param("https://my.b.s3.amazonaws.com/k%20k", {"Bucket": "my.b", "Key": "k k"}, id="bucket in the host"),
        pytest.param("https://b.s3.us-east-1.amazonaws.com/k", {"Bucket": "b", "Key": "k"}, id="and a region"),
        pytest.param(f"{ENDPOINT}/b/k?versionId=7", {"Bucket": "b", "Key": "k", "VersionId": "7"}, id="a version"),
    ],
)
def test_a_template_url_names_an_object_of_s3(url: str, place: dict[str, str]) -> None:
    assert s3_place(url, ENDPOINT) == place


@pytest.mark.parametrize(
    "url", ["https://example.com/b/k", "file:///b/k", f"{ENDPOINT}/b", "https://s3.amazonaws.com/"]
)
def test_any_other_url_is_refused(url: str) -> None:
    with pytest.raises(AwsError, match="TemplateURL must be a supported URL"):
        s3_place(url, ENDPOINT)


def test_a_page_goes_on_where_the_last_one_ended_although_the_list_has_grown() -> None:
    first, more = page([5, 4, 3, 2, 1], None, 2)
    assert (first, more) == ([5, 4], {"NextToken": "3"})
    assert page([6, 5, 4, 3, 2, 1], more["NextToken"], 2) == ([3, 2], {"NextToken": "1"})
    assert page([6, 5, 4, 3, 2, 1], "1", 2) == ([1], {})


def test_a_token_of_somebody_else_is_refused() -> None:
    with pytest.raises(AwsError, match="Invalid next token: x"):
        page([1], "x", 2)


def test_a_member_without_effect_is_refused_by_name() -> None:
    refuse_unserved("CreateStack", {"StackName": "s", "RoleARN": "", "ResourceTypes": []}, {"StackName"})
    with pytest.raises(AwsError, match="CreateStack: RoleARN is not served by the local CloudFormation"):
        refuse_unserved("CreateStack", {"StackName": "s", "RoleARN": "arn"}, {"StackName"})
