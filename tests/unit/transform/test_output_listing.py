"""Outputs of a transform job are found by listing, whatever folders SageMaker puts between."""

from __future__ import annotations

import pytest
from sluice.transform.output_listing import match_outputs

INPUTS = ["a.csv", "a.csv.out", "x/a.csv", "x/märz 1.csv"]


@pytest.mark.parametrize("between", ["", "input/", "batch/fraud/input/"])
def test_folders_between_are_taken_as_they_are(between: str) -> None:
    found = [f"out/{between}{path}.out" for path in INPUTS]
    assert match_outputs(INPUTS, "out/", found) == dict(zip(INPUTS, found, strict=True))


def test_a_file_whose_name_is_the_end_of_another_is_not_taken_for_it() -> None:
    assert match_outputs(["a.csv", "x/a.csv"], "out/", ["out/x/a.csv.out"]) == {"x/a.csv": "out/x/a.csv.out"}
    assert match_outputs(["a.csv", "x/a.csv", "b"], "out/", ["out/x/a.csv.out", "out/b.out"]) == {
        "x/a.csv": "out/x/a.csv.out",
        "b": "out/b.out",
    }


def test_outputs_that_lost_their_folders_are_found_by_their_names_if_these_occur_once() -> None:
    """As the published example reads: prefix/dataset01/data.csv became output/prefix/data.csv.out."""
    inputs = ["dataset01/data.csv", "dataset02/more.csv"]
    found = ["out/prefix/data.csv.out", "out/prefix/more.csv.out"]
    assert match_outputs(inputs, "out/", found) == dict(zip(inputs, found, strict=True))
    assert match_outputs(["1/a.csv", "2/a.csv"], "out/", ["out/prefix/a.csv.out"]) == {}


def test_what_is_no_output_or_has_none_is_left_out() -> None:
    assert match_outputs(["a.csv", "b.csv"], "out/", ["out/a.csv.out", "out/b.csv", "out/log"]) == {
        "a.csv": "out/a.csv.out"
    }
    assert match_outputs(["a.csv"], "out/", []) == {}
