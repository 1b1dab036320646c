"""Which cores a process may use, and what OpenMP is told of it."""

import math
import os
import subprocess
import sys

import pytest

from experiments.runtime import threads


@pytest.fixture
def groups(tmp_path, monkeypatch):
    """Control groups of this process: path below the mount -> text of the file."""

    def make(membership: str, files: dict[str, str]) -> None:
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text)
        (tmp_path / "self").write_text(membership)
        monkeypatch.setattr(threads, "CGROUPS", tmp_path)
        monkeypatch.setattr(threads, "MEMBERSHIP", tmp_path / "self")
        monkeypatch.setattr(threads, "_allowed", lambda: 16)

    return make


@pytest.mark.parametrize(
    ("membership", "files", "cores"),
    [
        ("0::/\n", {"cpu.max": "max 100000\n"}, 16),
        ("0::/\n", {"cpu.max": "150000 100000\n"}, 2),
        ("0::/a/b\n", {"a/b/cpu.max": "400000 100000\n", "a/cpu.max": "300000 100000"}, 3),
        ("0::/a\n", {"cpu.max": "10000 100000\n"}, 1),
        ("3:cpuset:/\n1:cpu:/d\n", {"cpu/d/cpu.cfs_quota_us": "200000", "cpu/d/cpu.cfs_period_us": "100000"}, 2),
        ("1:cpu,cpuacct:/\n", {"cpu,cpuacct/cpu.cfs_quota_us": "-1", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 16),
        ("0::/\n", {}, 16),
        ("", {}, 16),
        ("nonsense\n", {"cpu.max": "also nonsense\n"}, 16),
    ],
)
def test_a_quota_limits_the_cores(groups, membership, files, cores):
    groups(membership, files)
    assert threads.usable_cores() == cores


def test_a_setting_of_the_user_stays(groups, monkeypatch):
    groups("0::/\n", {"cpu.max": "200000 100000"})
    names = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "OMP_NUM_THREADS")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    threads.share_cores()
    assert [os.environ[name] for name in names] == ["PASSIVE", threads.SPINS, "2"]
    monkeypatch.setenv("GOMP_SPINCOUNT", "7")
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    threads.share_cores()
    assert [os.environ[name] for name in names] == ["PASSIVE", "7", "5"]


def test_a_wait_policy_of_the_user_spins_as_it_does(monkeypatch):
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    threads.share_cores()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"
    assert "GOMP_SPINCOUNT" not in os.environ


def test_no_control_groups_mean_no_quota(tmp_path, monkeypatch):
    monkeypatch.setattr(threads, "MEMBERSHIP", tmp_path / "none")
    assert threads._quota() == math.inf


def test_the_settings_stand_before_torch_loads():
    code = (
        "import sys; from experiments.runtime.threads import share_cores; share_cores(); import os; "
        "assert 'torch' not in sys.modules; assert os.environ['OMP_WAIT_POLICY'] == 'PASSIVE'"
    )
    env = {name: value for name, value in os.environ.items() if not name.startswith("OMP_")}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)
