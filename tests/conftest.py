"""No test writes into the cache of the person who runs it, or depends on how it was started."""

import multiprocessing
import os
import signal
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import pytest

from tests.oracles import tally

LONG = (  # files whose few tests wait for processes and clusters: they begin first, none is left alone at the end
    "test_tune.py", "test_cluster.py", "test_golden.py", "test_soak.py", "test_process.py", "test_halving.py",
    "test_checkout.py", "test_stops.py", "test_full_size.py", "test_heads.py", "test_installed.py", "test_resume.py",
)  # fmt: skip
os.environ["OMP_NUM_THREADS"] = "1"  # before torch is there, for the children too: sums go by the number of threads


def pytest_collection_modifyitems(items):
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True, scope="session")
def cache_of_shared_runs(tmp_path_factory):
    """For the fixtures that several tests share: they are made before `own_cache`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ASSIGNBENCH_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def typed(monkeypatch, capsys):
    """Exit code, stdout and stderr of a module's command with these words."""

    def call(module, *words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [module.__file__, *map(str, words)])
        code = module.main()
        return code, *capsys.readouterr()

    return call


@pytest.fixture
def command(typed):
    """Exit code, stdout and stderr of run.py with these words."""
    from experiments import run

    return partial(typed, run)


@pytest.fixture(scope="session")
def two_processes():
    """For what a method does in several."""
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture(autouse=True, scope="session")
def heard():
    """Under nohup, or behind a script's &, signals are ignored, and our children would ignore them, too."""
    default = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in default.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def pytest_terminal_summary(terminalreporter):
    """Says which comparisons with an oracle were not made: they only show as skipped tests otherwise."""
    if line := tally.summary(report for group in terminalreporter.stats.values() for report in group):
        terminalreporter.write_line(line)
