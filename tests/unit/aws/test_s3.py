"""Uploads: whose they are."""

from __future__ import annotations

import pytest
from sluice.aws.s3 import model_of


@pytest.mark.parametrize(
    ("key", "model"),
    [
        ("data/fraud/march.csv", "fraud"),
        ("data/fraud/2026/may/teil a+b.csv", "fraud"),
        ("data/fraud/", None),
        ("data/fraud/2026/", None),
        ("data/fraud", None),
        ("data//march.csv", None),
        ("data/", None),
        ("database/fraud/march.csv", None),
        ("manifests/fraud/x.manifest", None),
    ],
)
def test_a_key_names_its_model(key: str, model: str | None) -> None:
    assert model_of(key) == model
