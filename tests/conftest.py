"""No test writes into the cache of the person who runs it."""

import pytest


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNBENCH_CACHE", str(tmp_path / "cache"))
