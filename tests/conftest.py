"""No test writes into the cache of the person who runs it, or depends on how it was started."""

import os
import signal
import sys

import pytest

os.environ["OMP_NUM_THREADS"] = "1"  # before torch is there, for the children too: sums go by the number of threads


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ASSIGNBENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def typed(monkeypatch, capsys):
    """Exit code, stdout and stderr of a module's command with these words."""

    def call(module, *words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", [module.__file__, *map(str, words)])
        code = module.main()
        return code, *capsys.readouterr()

    return call


@pytest.fixture(autouse=True, scope="session")
def heard():
    """Under nohup, or behind a script's &, signals are ignored, and our children would ignore them, too."""
    default = {signal.SIGINT: signal.default_int_handler, signal.SIGTERM: signal.SIG_DFL, signal.SIGHUP: signal.SIG_DFL}
    before = {number: signal.signal(number, handler) for number, handler in default.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
