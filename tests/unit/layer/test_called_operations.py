"""Every operation that the sources call is kept in the layer's botocore, and a word that only looks like one is not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore import xform_name
from botocore.session import Session
from layer_build.called_operations import called_operations
from layer_build.lists import lines_of

ROOT = Path(__file__).parents[3]
LAYER = ROOT / "layers" / "sluice"

# Words of the sources that are named as an operation of one of our services and are none.
OTHER_WORDS = {
    "search": "of regular expressions",
}


def operations() -> Iterator[str]:
    """All of the services whose clients the layer can make, as their methods are called."""
    session = Session()
    for service in lines_of((LAYER / "botocore-services.txt").read_text()):
        yield from map(xform_name, session.get_service_model(service).operation_names)


@pytest.mark.parametrize(
    ("source", "called"),
    [
        ("client.describe_endpoint(EndpointName=name)", {"describeendpoint"}),
        ("self._client.describe_endpoint(EndpointName=name)", {"describeendpoint"}),
        ("self.s3_client.get_object()", {"getobject"}),
        ("clients('s3').list_objects_v2(Bucket=name)", {"s3", "listobjectsv2"}),
        ("self._retried(self._client.create_model, ModelName=name)", {"createmodel"}),
        ("client.get_paginator('list_models')", {"getpaginator", "listmodels"}),
        ("OPERATIONS = {'one': ('describe_alarms', 'Alarms')}", {"one", "describealarms", "alarms"}),
        ("re.search('x', text)", {"x"}),
        ("_PATTERN.search(text)", set()),
        ("search(text)", set()),
    ],
)
def test_an_operation_is_called_on_a_client_or_named_in_a_string(source: str, called: set[str]) -> None:
    assert called_operations([source]) == called


def test_every_operation_that_the_sources_speak_of_is_kept() -> None:
    """However a call is written: a word that might be an operation is one that is kept, or is explained above."""
    layer, functions = (
        [path.read_text() for path in folder.rglob("*.py")] for folder in (LAYER / "sluice", ROOT / "functions")
    )
    words = {word.strip("_") for text in (*layer, *functions) for word in re.findall(r"\w+", text)}
    kept = called_operations(layer)
    spoken_of = {name for name in operations() if name in words}
    assert len(spoken_of) > 50, "this test sees nothing"
    assert {name for name in spoken_of if name.replace("_", "") not in kept} == OTHER_WORDS.keys()
