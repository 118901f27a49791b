"""What a scene adds to a scenario: a spec of its own, versions that are ready to release, and clients."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal.drivers.traffic import Traffic
from rehearsal.material.data import live_rows
from rehearsal.material.flaws import Flaw
from rehearsal.material.fraud import transactions
from rehearsal.material.paced_spec import write_scene_spec
from rehearsal.scenarios.artifacts import Artifacts
from rehearsal.scenarios.scenario_context import ScenarioContext

RATE = 10.0  # requests a second
CLIENT_SEED, CLIENT_ROWS = 11, 200


@dataclass(slots=True, kw_only=True)
class SceneContext(ScenarioContext):
    """The model of one scene on the local AWS that all scenes share."""

    artifacts: Artifacts

    def apply(self, **sections: Mapping[str, Any]) -> Path:
        """``sluice apply`` a spec for the scene's model; the file.

        It is the fraud model's at the story's pace, without strategy and stages. Each keyword names a section and
        gives fields to set in it: ``context.apply(rollout={"strategy": "linear"}, endpoint={"instance_count": 2})``.
        """
        path = write_scene_spec(self.around.repo, self.around.folder / f"{self.model}.yaml", self.model, sections)
        with self.step(f"sluice apply {path.name}"):
            self.sluice("apply", str(path))
        return path

    def register(self, flaw: Flaw | None = None) -> int:
        """A trained version that waits for approval, sound or with a flaw; its number."""
        return self.artifacts.register(self.endpoint, flaw)

    def approve(self, version: int, reason: str = "looks good offline") -> None:
        """As a person does in SageMaker Studio, or with ``sluice approve``."""
        arn = self.package(version)["ModelPackageArn"]
        self.client("sagemaker").update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=reason
        )

    def release(self, flaw: Flaw | None = None) -> int:
        """Register and approve a version; its number."""
        version = self.register(flaw)
        self.approve(version)
        return version

    def go_live(self) -> Traffic:
        """A first sound version is released and promoted; the client that sends requests from then on."""
        version = self.release()
        ended = self.outcome_of(version)
        if ended.kind != "RolloutPromoted":
            raise RuntimeError(f"the first version did not go live: {ended.kind} {ended.detail.get('reason', '')}")
        return self.start_traffic()

    def rows(self) -> Iterator[str]:
        """Feature rows as clients send them, without end."""
        return live_rows(transactions(CLIENT_SEED, CLIENT_ROWS), CLIENT_SEED)

    def start_traffic(self, *, rate: float = RATE, endpoint: str | None = None, workers: int = 4) -> Traffic:
        """A client that sends ``rate`` requests a second until it is stopped, at the latest at the scene's end."""
        runtime = self.client("sagemaker-runtime")
        traffic = Traffic(runtime, endpoint or self.endpoint, self.rows(), rate=rate, workers=workers)
        self.traffics.append(traffic)
        traffic.start()
        return traffic

    def close(self) -> None:
        """Stop its clients."""
        for traffic in self.traffics:
            traffic.stop()
