"""Reads the container's environment, then serves until it is terminated."""

import argparse
import os
from pathlib import Path

from .contract import App
from .lean_import import import_xgboost
from .server import answer_seconds, serve
from .source import SubmittedCode


def main() -> None:
    """Serve on a loopback port, and say which in the port file once requests are accepted."""
    parser = argparse.ArgumentParser(description="Serve the model in /opt/ml/model.")
    parser.add_argument("--port", type=int, default=8080, help="0 lets the system choose")
    parser.add_argument("--port-file", type=Path, help="where to write the port that was chosen")
    options = parser.parse_args()
    environment = dict(os.environ)
    seconds = answer_seconds(environment)
    serve(app_from(environment), port=options.port, port_file=options.port_file, seconds=seconds)


def app_from(environment: dict[str, str]) -> App:
    """Script mode if a program is named, even an empty one, which then fails as it does in the image."""
    base = Path(environment.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    model_dir = base / "model"
    program = environment.get("SAGEMAKER_PROGRAM")
    if program is None:
        import_xgboost(())
        from .algorithm import AlgorithmMode

        return AlgorithmMode(model_dir, batch="SAGEMAKER_BATCH" in environment)
    from .script import ScriptMode

    submitted = environment.get("SAGEMAKER_SUBMIT_DIRECTORY", str(model_dir / "code"))
    return ScriptMode(
        program=program,
        source=SubmittedCode(submitted, unpack_into=base / "code"),
        model_dir=model_dir,
        default_accept=environment.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json"),
    )


if __name__ == "__main__":
    main()
