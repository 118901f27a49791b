"""Plays all labs with one SageMaker SDK at once; its last line is JSON: what the clients saw."""

from __future__ import annotations

import argparse
import importlib
import json
from concurrent.futures import ThreadPoolExecutor

PROGRAMS = ("endpoints", "pipeline")


def main() -> None:
    """The pipeline beside the endpoints: both mostly wait."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sdk", required=True, help="the folder of its programs, such as sdk_v3")
    for name in ("bucket", "role", "success-topic", "error-topic"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    programs = {name: importlib.import_module(f"clients.{options.sdk}.{name}") for name in PROGRAMS}
    with ThreadPoolExecutor(len(programs)) as pool:
        tasks = {name: pool.submit(program.played, options) for name, program in programs.items()}
        seen = {name: task.result() for name, task in tasks.items()}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
