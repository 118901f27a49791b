"""Plays all labs with version 2 of the SageMaker SDK at once; its last line is JSON: what the clients saw."""

from __future__ import annotations

import argparse
import json
from concurrent.futures import ThreadPoolExecutor

from . import endpoints, pipeline


def main() -> None:
    """The pipeline beside the endpoints: both mostly wait."""
    parser = argparse.ArgumentParser()
    for name in ("bucket", "role", "success-topic", "error-topic"):
        parser.add_argument(f"--{name}", required=True)
    options = parser.parse_args()
    with ThreadPoolExecutor(2) as pool:
        tasks = {"endpoints": pool.submit(endpoints.played, options), "pipeline": pool.submit(pipeline.played, options)}
        seen = {name: task.result() for name, task in tasks.items()}
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
