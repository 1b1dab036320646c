"""The command that checks a dataset, and a network that ends at this machine."""

from functools import partial

import pytest

from experiments.data.official import download


@pytest.fixture
def check_data(command):
    """Exit code, stdout and stderr of `run.py --check-data` with these words."""
    return partial(command, "--check-data")


@pytest.fixture
def no_proxy(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(download, "OPENER", download._opener())
