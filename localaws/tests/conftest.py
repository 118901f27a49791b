"""What holds for every test: which run in one process, and that no property is refuted by a busy machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

TESTS = Path(__file__).parent
CONTRACT = TESTS / "contract"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several processes, keep together what shares a local AWS: a folder with fixtures of its own, else a file.

    moto's state is global, so two local AWSs of one process would wipe each other's buckets.
    """
    for item in items:
        folder = item.path.parent
        if TESTS not in item.path.parents:
            continue
        is_shared = CONTRACT in folder.parents and (folder / "conftest.py").exists()
        item.add_marker(pytest.mark.xdist_group(str(folder if is_shared else item.path)))
