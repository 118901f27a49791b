"""Values of a template become what an AWS API takes, or an error with a path; properties are used or refused."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from localaws.services.cloudformation.resources.shapes import shaped
from localaws.services.cloudformation.template.errors import PropertyError
from localaws.tests.unit.services.cloudformation.resources.made_up import a_creation


def shape_of(service: str, operation: str) -> Any:
    model = botocore.session.Session().get_service_model(service)
    return model.operation_model(operation).input_shape


def test_texts_become_what_the_api_takes() -> None:
    written = {
        "FunctionName": 5,
        "Timeout": "30",
        "Publish": "true",
        "Layers": ["arn"],
        "Environment": {"Variables": {"DEBUG": True, "LEVEL": 5}},
        "EphemeralStorage": {"Size": 512.0},
    }
    assert shaped(written, shape_of("lambda", "CreateFunction"), "") == {
        "FunctionName": "5",
        "Timeout": 30,
        "Publish": True,
        "Layers": ["arn"],
        "Environment": {"Variables": {"DEBUG": "true", "LEVEL": "5"}},
        "EphemeralStorage": {"Size": 512},
    }
    alarm = shaped({"Threshold": "0.5"}, shape_of("cloudwatch", "PutMetricAlarm"), "")
    assert alarm == {"Threshold": 0.5}


@pytest.mark.parametrize(
    ("written", "problem"),
    [
        pytest.param({"Tiemout": 5}, "property Tiemout: not supported", id="unknown"),
        pytest.param({"TracingConfig": {"Mod": "x"}}, "property TracingConfig.Mod: not supported", id="nested"),
        pytest.param({"Layers": "arn"}, "property Layers: expected a list", id="not a list"),
        pytest.param({"Layers": [{}]}, r"property Layers\[0\]: expected a text", id="a map for a text"),
        pytest.param({"Timeout": "5s"}, "property Timeout: expected a whole number", id="not a number"),
        pytest.param({"Timeout": 5.5}, "property Timeout: expected a whole number", id="a fraction"),
        pytest.param({"Timeout": True}, "property Timeout: expected a whole number", id="a boolean"),
        pytest.param({"Publish": "yes"}, "property Publish: expected true or false", id="not a boolean"),
        pytest.param({"Environment": []}, "property Environment: expected a map", id="not a map"),
    ],
)
def test_what_does_not_fit_is_named_by_its_path(written: dict[str, Any], problem: str) -> None:
    with pytest.raises(PropertyError, match=problem):
        shaped(written, shape_of("lambda", "CreateFunction"), "")


def test_a_property_that_nobody_took_is_refused() -> None:
    creation = a_creation(QueueName="q", Colour="blue")
    creation.take("QueueName")
    with pytest.raises(PropertyError, match="property Colour: not supported"):
        creation.refuse_unused()
    assert creation.rest() == {"Colour": "blue"}
    creation.refuse_unused()


def test_a_required_property_that_is_missing_is_named() -> None:
    with pytest.raises(PropertyError, match="property Queues: is required"):
        a_creation().need("Queues")


def test_a_name_is_given_or_made_and_fits() -> None:
    assert a_creation(QueueName="mine").name_from("QueueName", longest=80) == "mine"
    made = a_creation().name_from("QueueName", longest=30)
    assert made.startswith("shop-dev-Inbox-")
    assert len(made) <= 30
    assert made != a_creation().name_from("QueueName", longest=30), "a replacement exists beside what it replaces"
