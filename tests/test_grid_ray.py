"""Ray itself, with nodes that are processes of this machine: what it runs equals what ran without it."""

import subprocess
import time
from pathlib import Path

import pytest
from ray.cluster_utils import Cluster

from experiments.grid.executors.cluster import SETTINGS
from experiments.records import runs_in
from tests.test_grid_runs import BOTH, ROOT, call, line, orphans, owner, records, tables, undisturbed  # noqa: F401


@pytest.fixture
def cluster(monkeypatch):
    """A head that runs nothing, and two nodes for one cell each."""
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [made.add_node(num_cpus=1) for _ in range(2)]
    made.wait_for_nodes()
    yield made, nodes
    made.shutdown()


def running(runs: Path, rows: int) -> bool:
    paths = [path for path in runs.glob("*/metrics.jsonl") if not (path.parent / "done").exists()]
    return sum(path.read_bytes().count(b"\n") >= rows for path in paths) == 2


def none_left(runs: Path) -> None:
    """The workers see the end of their actor, which Ray ends after the driver's."""
    until = time.monotonic() + 60
    while orphans(runs) and time.monotonic() < until:
        time.sleep(0.1)
    assert orphans(runs) == []


def test_a_node_that_is_lost_in_mid_run_changes_no_record_and_no_table(tmp_path, cluster, undisturbed):  # noqa: F811
    made, nodes = cluster
    process = subprocess.Popen(
        line(tmp_path, *BOTH, "--address", made.address), cwd=ROOT, stderr=subprocess.PIPE, text=True
    )
    until = time.monotonic() + 240
    while not running(tmp_path, 4):
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
        time.sleep(0.005)
    before = {folder.path.name: owner(folder) for folder in runs_in(tmp_path)}
    made.remove_node(nodes[0], allow_graceful=False)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "2 of 2 cells done" in err, err
    assert records(tmp_path) == records(undisturbed) and tables(tmp_path) == tables(undisturbed)
    moved = [folder for folder in runs_in(tmp_path) if owner(folder) != before[folder.path.name]]
    assert len(before) == 2 and len(moved) == 1
    none_left(tmp_path)


def test_a_cluster_of_its_own_stops_with_the_driver_and_goes_on(tmp_path, undisturbed):  # noqa: F811
    words = (*BOTH, "--executor", "ray", "--workers", "2")
    process = subprocess.Popen(line(tmp_path, *words), cwd=ROOT, stderr=subprocess.PIPE, text=True)
    until = time.monotonic() + 240
    while not running(tmp_path, 3):
        assert process.poll() is None and time.monotonic() < until, process.communicate()[1]
        time.sleep(0.005)
    process.terminate()
    _, err = process.communicate(timeout=300)
    assert process.returncode == 75 and "goes on from there" in err, err
    none_left(tmp_path)
    assert all(folder.checkpoint.is_file() for folder in runs_in(tmp_path))
    assert call(tmp_path, *words)[0] == 0
    assert records(tmp_path) == records(undisturbed)


def test_a_cluster_that_is_not_there_is_one_line_and_code_2(tmp_path):
    code, err = call(tmp_path, *BOTH, "--address", "127.0.0.1:1")
    assert code == 2 and "No Ray cluster at 127.0.0.1:1" in err and "Traceback" not in err
