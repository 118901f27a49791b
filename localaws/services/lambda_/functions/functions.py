"""Functions and layers: what has been deployed."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from localaws.service_api import AwsError
from localaws.services.lambda_.functions.packages import MAX_UNZIPPED_BYTES, CodePackage
from localaws.services.lambda_.functions.settings import function_name, require

_MAX_LAYERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One published version of a layer."""

    arn: str  # of the version
    package: CodePackage
    description: str
    created: str
    runtimes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """One function as it is configured now. ``settings`` holds what its creator gave, defaults filled in."""

    arn: str
    settings: Mapping[str, Any]
    code: CodePackage
    layers: tuple[Layer, ...]
    last_modified: str
    tags: Mapping[str, str] = field(default_factory=dict)
    revision: str = field(default_factory=lambda: str(uuid.uuid4()))

    @property
    def name(self) -> str:
        return str(self.settings["FunctionName"])

    @property
    def role(self) -> str:
        return str(self.settings["Role"])

    @property
    def timeout_seconds(self) -> int:
        return int(self.settings["Timeout"])

    @property
    def variables(self) -> Mapping[str, str]:
        return dict(self.settings.get("Environment", {}).get("Variables", {}))

    @property
    def logs_json(self) -> bool:
        return bool(self.settings["LoggingConfig"]["LogFormat"] == "JSON")

    @property
    def log_group(self) -> str:
        return str(self.settings["LoggingConfig"]["LogGroup"])

    @property
    def python_paths(self) -> Sequence[Path]:
        """What layers add to the import path; a later layer hides an earlier one, as it overwrites it in /opt."""
        roots = [layer.package.path / "python" for layer in reversed(self.layers)]
        runtime = self.settings["Runtime"]
        return [p for root in roots for p in (root / "lib" / runtime / "site-packages", root) if p.is_dir()]

    def described(self) -> dict[str, Any]:
        """As Lambda's FunctionConfiguration."""
        environment = {"Environment": {"Variables": dict(self.variables)}} if self.variables else {}
        return {
            **{name: value for name, value in self.settings.items() if name not in {"Layers", "Environment"}},
            **environment,
            "FunctionArn": self.arn,
            "CodeSize": self.code.zipped_bytes,
            "CodeSha256": self.code.sha256,
            "LastModified": self.last_modified,
            "RevisionId": self.revision,
            "Layers": [{"Arn": la.arn, "CodeSize": la.package.zipped_bytes} for la in self.layers],
            "Version": "$LATEST",
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": "Successful",
        }


def check_package_sizes(code: CodePackage, layers: Sequence[Layer]) -> None:
    """Code and layers together have to fit into an execution environment."""
    require(len(layers) <= _MAX_LAYERS, f"Cannot reference more than {_MAX_LAYERS} layers.")
    total = code.unzipped_bytes + sum(layer.package.unzipped_bytes for layer in layers)
    require(total < MAX_UNZIPPED_BYTES, f"Unzipped size must be smaller than {MAX_UNZIPPED_BYTES} bytes")


class Functions:
    """All functions by name and all layer versions by ARN. What it hands out is immutable."""

    def __init__(self) -> None:
        self._functions: dict[str, Function] = {}
        self._layers: dict[str, Layer] = {}
        self._layer_versions: dict[str, int] = {}  # the last version published of each layer, deleted ones included
        self._lock = threading.Lock()

    def all(self) -> list[Function]:
        with self._lock:
            return sorted(self._functions.values(), key=lambda function: function.name)

    def get(self, reference: str) -> Function:
        name = function_name(reference)
        with self._lock:
            if name not in self._functions:
                raise AwsError("ResourceNotFoundException", f"Function not found: {reference}", 404)
            return self._functions[name]

    def add(self, function: Function) -> None:
        with self._lock:
            if function.name in self._functions:
                raise AwsError("ResourceConflictException", f"Function already exist: {function.name}", 409)
            self._functions[function.name] = function

    def change(self, name: str, **changes: Any) -> Function:
        """Replace fields of a function; whatever changes, it gets a new revision."""
        with self._lock:
            changed = replace(self._functions[name], **changes, revision=str(uuid.uuid4()))
            self._functions[name] = changed
            return changed

    def remove(self, name: str) -> None:
        with self._lock:
            del self._functions[name]

    def publish_layer(self, name_arn: str, **layer: Any) -> Layer:
        """Add the next version of the layer ``name_arn``."""
        with self._lock:
            version = self._layer_versions[name_arn] = self._layer_versions.get(name_arn, 0) + 1
            published = Layer(arn=f"{name_arn}:{version}", **layer)
            self._layers[published.arn] = published
            return published

    def remove_layer(self, arn: str) -> None:
        """Delete a layer version, if there is one; its number is never given again."""
        with self._lock:
            self._layers.pop(arn, None)

    def layer(self, arn: str) -> Layer:
        with self._lock:
            if arn not in self._layers:
                raise AwsError("InvalidParameterValueException", f"Layer version {arn} does not exist.")
            return self._layers[arn]
