"""Batch transform's records: the JSONPath subset, mini-batches, filters and joins."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from localaws.services.sagemaker.transform.json_path import JsonPath, PathError
from localaws.services.sagemaker.transform.transform_records import (
    CSV,
    JSON,
    JSON_LINES,
    Batch,
    Processing,
    RecordError,
    assembled,
    mini_batches,
    whole_file,
)

ROW = ["a", "b", "c", "d"]
OBJECT = {"id": 7, "features": [1, 2], "SageMakerOutput": {"score": 0.5}}


def processing(format: str = CSV, inward: str = "$", outward: str = "$", *, joins: bool = False) -> Processing:
    return Processing(
        format=format,
        input_filter=JsonPath.parse(inward),
        output_filter=JsonPath.parse(outward),
        joins_input=joins,
    )


@pytest.mark.parametrize(
    ("path", "value", "selected"),
    [
        ("$", ROW, ROW),
        ("$[1:]", ROW, ["b", "c", "d"]),
        ("$[:-1]", ROW, ["a", "b", "c"]),
        ("$[-1]", ROW, "d"),
        ("$[0,-1]", ROW, ["a", "d"]),
        ("$[0,2:]", ROW, ["a", "c", "d"]),
        ("$[9:]", ROW, []),
        ("$.features", OBJECT, [1, 2]),
        ("$.features[0]", OBJECT, 1),
        ("$.SageMakerOutput.score", OBJECT, 0.5),
        ("$['id','SageMakerOutput']", OBJECT, {"id": 7, "SageMakerOutput": {"score": 0.5}}),
        ("$.features[*]", OBJECT, [1, 2]),
        ("$.SageMakerOutput.*", OBJECT, [0.5]),
    ],
)
def test_what_a_path_selects(path: str, value: Any, selected: Any) -> None:
    assert JsonPath.parse(path).select(value) == selected


@pytest.mark.parametrize("path", ["", "[1:]", "$..a", "$[?(@.a)]", "$[0,'a']", "$[1:].a", "$[0,*]", "$[", "$[1:2:3]"])
def test_paths_outside_the_subset_are_refused(path: str) -> None:
    with pytest.raises(PathError):
        JsonPath.parse(path)


@pytest.mark.parametrize(
    ("path", "value"), [("$[4]", ROW), ("$[0,-5]", ROW), ("$.a", ROW), ("$.b", OBJECT), ("$[0:]", OBJECT)]
)
def test_data_without_the_place_is_an_error(path: str, value: Any) -> None:
    with pytest.raises(PathError):
        JsonPath.parse(path).select(value)


@given(
    st.lists(st.binary(min_size=0, max_size=9).map(lambda line: line.replace(b"\n", b"")), max_size=40),
    st.integers(10, 40),
    st.sampled_from([None, 1, 3]),
)
def test_mini_batches_lose_nothing_and_keep_order_and_size(
    records: list[bytes], max_bytes: int, max_records: int | None
) -> None:
    batches = list(mini_batches(records, processing(), max_bytes=max_bytes, max_records=max_records))
    assert [record for batch in batches for record in batch.records] == records
    assert b"".join(batch.payload for batch in batches) == b"".join(record + b"\n" for record in records)
    assert all(len(batch.payload.removesuffix(b"\n")) <= max_bytes for batch in batches)
    assert all(len(batch.records) <= (max_records or 40) for batch in batches)


def test_the_limit_counts_what_is_sent() -> None:
    batches = list(mini_batches([b"identity,1"], processing(inward="$[1:]"), max_bytes=1, max_records=None))
    assert batches == [Batch((b"identity,1",), b"1\n")]
    with pytest.raises(RecordError, match="max payload size"):
        list(mini_batches([b"12"], processing(), max_bytes=1, max_records=None))
    with pytest.raises(RecordError, match="max payload size"):
        whole_file(b"12", processing(), max_bytes=1)


def test_a_csv_row_keeps_its_own_spelling_when_it_is_joined_whole() -> None:
    joined = processing(joins=True).output([b'"a, b",1.50', b"c,2"], b"0.5\n0.7\n")
    assert joined == b'"a, b",1.50,0.5\nc,2,0.7\n'


def test_a_csv_row_is_filtered_by_its_cells() -> None:
    job = processing(inward="$[1:]", outward="$[0,-1]", joins=True)
    assert job.model_input(b'"a, b",1,2') == b"1,2"
    assert job.output([b'"a, b",1,2'], b"0.5") == b'"a, b",0.5\n'


def test_without_a_join_the_output_filter_sees_the_prediction_alone() -> None:
    assert processing(outward="$[0]").output([b"1,2"], b"0.5,0.9\n") == b"0.5\n"


def test_json_gets_the_prediction_as_a_member() -> None:
    job = processing(JSON_LINES, inward="$.features", outward="$['id','SageMakerOutput']", joins=True)
    record = json.dumps({"id": 7, "features": [1, 2]}).encode()
    assert job.model_input(record) == b"[1,2]"
    assert json.loads(job.output([record], b'{"score": 0.5}')) == {"id": 7, "SageMakerOutput": {"score": 0.5}}


def test_json_that_is_no_object_is_put_beside_its_prediction() -> None:
    output = processing(JSON, joins=True).output([b"[1,\n 2]"], b'{"score":\n 0.5}')
    assert json.loads(output) == {"SageMakerInput": [1, 2], "SageMakerOutput": {"score": 0.5}}


@pytest.mark.parametrize("answer", [b"", b"0.5\n", b"0.5\n0.6\n0.7\n"])
def test_as_many_predictions_as_records_or_none_is_joined(answer: bytes) -> None:
    with pytest.raises(RecordError, match="for 2 records"):
        processing(joins=True).output([b"1", b"2"], answer)


def test_what_cannot_be_parsed_says_so() -> None:
    with pytest.raises(RecordError, match="Failed to parse"):
        processing(JSON_LINES, joins=True).output([b"{}"], b"not json")


def test_a_line_end_is_added_only_where_one_is_missing() -> None:
    assert [assembled(part, by_line=True) for part in (b"a", b"a\n")] == [b"a\n", b"a\n"]
    assert assembled(b"a", by_line=False) == b"a"


BARE = b'1,pine "kernels" mix,3'


@pytest.mark.parametrize("job", [processing(joins=True), processing(inward="$[1:]")], ids=["join", "filter"])
@pytest.mark.parametrize("record", [BARE, b'1,"a', b'1,"a" ,2'])
def test_a_row_that_aws_cannot_parse_is_refused_once_its_cells_are_read(job: Processing, record: bytes) -> None:
    with pytest.raises(RecordError, match=r'bare " in non quoted field|not closed, or text follows'):
        job.output([record], job.model_input(record) and b"0.5\n")


def test_a_row_whose_cells_nobody_reads_goes_to_the_model_as_it_is() -> None:
    assert processing().model_input(BARE) == BARE
    assert processing().output([BARE], b"0.5\n") == b"0.5\n"
