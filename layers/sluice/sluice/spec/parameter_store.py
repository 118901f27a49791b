"""The specs that `sluice apply` stored in SSM Parameter Store."""

from __future__ import annotations

import json
from typing import Any

from sluice.aws.paging import pages
from sluice.errors import AwsRefusedError, UnknownModelError
from sluice.names import Names, is_model
from sluice.spec.model import ModelSpec


class SpecStore:
    """The specs of one stage."""

    def __init__(self, client: Any, names: Names) -> None:
        self._client = client
        self._names = names

    def get(self, model: str) -> ModelSpec:
        """The spec of a model.

        Raises:
            UnknownModelError: no spec is stored.
            SpecError: what is stored is not valid, e.g. written by hand or by a newer version.
        """
        if not is_model(model):
            raise UnknownModelError(f"{model!r} is no name of a model: SSM would refuse to look for it")
        parameter = self._names.spec_parameter(model)
        try:
            found = self._client.get_parameter(Name=parameter)
        except AwsRefusedError as error:
            if error.code == "ParameterNotFound":
                apply = self._names.command(f"apply models/{model}.yaml")
                raise UnknownModelError(
                    f"no spec for model {model!r}: parameter {parameter} does not exist; {apply} stores it"
                ) from error
            raise
        return ModelSpec.parse(json.loads(found["Parameter"]["Value"]))

    def names(self) -> list[str]:
        """The models of the stage, by name, including those whose stored spec is invalid."""
        folder = self._names.spec_parameter("")
        found = pages(self._client.get_parameters_by_path, Path=folder)
        return sorted(each["Name"].removeprefix(folder) for page in found for each in page["Parameters"])
