"""Ray itself, with nodes that are processes of this machine: what it runs equals what ran without it.

A test takes 10 to 40 s: Ray, the driver and each worker are processes of their own, and torch is 3 s of each.
"""

import os
import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from ray._private.node import Node
from ray.cluster_utils import Cluster

from experiments.grid.executors.cluster import SETTINGS
from experiments.runtime.commit import ROOT, SENT
from tests.tiny_grids import BOTH, as_typed, call, orphans, owner, records, started_grid, tables
from tests.tiny_runs import thaw

PACKAGES, KINDS = ("assigners", "detector", "experiments"), (".py", ".yaml")


@pytest.fixture(scope="module")
def cluster():
    """A head that runs nothing, and two nodes for one run each, with the code of another commit.

    A test may take one of the nodes away. To start it takes 10 s.
    """
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (SETTINGS | {SENT: "another"}).items():
            patch.setenv(name, value)
        ray_cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
        nodes = [ray_cluster.add_node(num_cpus=1) for _ in range(2)]
        ray_cluster.wait_for_nodes()
        patch.delenv(SENT)
        yield ray_cluster, nodes
        ray_cluster.shutdown()


def runs_on(node: Node, pid: int) -> bool:
    """Whether the process descends from the one that starts a node's workers."""
    raylet = node.all_processes["raylet"][0].process.pid
    while pid > 1 and pid != raylet:
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return pid == raylet


def code(root: Path) -> set[str]:
    return {
        str(path.relative_to(root))
        for package in PACKAGES
        for path in (root / package).rglob("*.*")
        if path.suffix in KINDS
    }


def none_left(runs: Path) -> None:
    """The workers see the end of their actor, which Ray ends after the driver's."""
    until = time.monotonic() + 60
    while orphans(runs) and time.monotonic() < until:
        time.sleep(0.1)
    assert orphans(runs) == []


def test_a_node_that_is_lost_in_mid_run_changes_no_record_and_no_table(tmp_path, cluster, undisturbed_grid):
    ray_cluster, nodes = cluster
    process, folder = started_grid(tmp_path, 4, *BOTH, "--ship", "--address", ray_cluster.address, start=as_typed)
    sent = Path(ray_cluster.head_node.get_session_dir_path()) / "runtime_resources" / "working_dir_files"
    assert [code(ROOT) - code(folder) for folder in sent.iterdir() if folder.is_dir()] == [set()]
    killed = owner(folder)
    (node,) = [node for node in nodes if runs_on(node, killed)]
    ray_cluster.remove_node(node, allow_graceful=False)
    os.kill(killed, signal.SIGKILL)
    _, err = process.communicate(timeout=300)
    assert process.returncode == 0 and "2 of 2 runs done" in err, err
    lost = [text for text in err.splitlines() if "of the Ray cluster is lost" in text]
    assert len(lost) == 1 and "start again from their newest checkpoint: run " in lost[0], err
    assert len(err.splitlines()) < 20 and "state-dump" in (tmp_path / "tables" / "logs" / "ray.log").read_text()
    assert records(tmp_path) == records(undisturbed_grid) and tables(tmp_path) == tables(undisturbed_grid)
    assert owner(folder) != killed
    none_left(tmp_path)


def test_a_node_with_other_code_is_refused(tmp_path, cluster):
    code, err = call(tmp_path, *BOTH, "--address", cluster[0].address)
    assert code == 2 and "has commit another" in err and "--ship" in err and "Traceback" not in err
    assert not list(tmp_path.glob("*/metrics.jsonl"))


def test_a_cluster_of_its_own_stops_with_the_driver_and_resumes(tmp_path, undisturbed_grid):
    words = (*BOTH, "--executor", "ray", "--workers", "2")
    process, folder = started_grid(tmp_path, 3, *words, start=as_typed)
    process.terminate()
    time.sleep(0.5)  # the driver tells its workers
    thaw(owner(folder))
    _, err = process.communicate(timeout=300)
    assert process.returncode == 75 and "Run the same command to resume" in err, err
    none_left(tmp_path)
    assert folder.checkpoint.is_file() and not folder.is_done()
    assert call(tmp_path, *words)[0] == 0
    assert records(tmp_path) == records(undisturbed_grid)


def test_a_token_that_is_not_there_is_one_line_and_code_2(tmp_path, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("HOME", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as head:
        code, err = call(tmp_path / "runs", *BOTH, "--address", f"127.0.0.1:{head.getsockname()[1]}")
    assert code == 2 and "~/.ray/auth_token" in err.splitlines()[-1] and "Traceback" not in err


def test_a_cluster_that_is_not_there_is_one_line_and_code_2(tmp_path, undisturbed_grid):
    shutil.copytree(undisturbed_grid, tmp_path, dirs_exist_ok=True)
    code, err = call(tmp_path, *BOTH, "--address", "127.0.0.1:1", "--force")
    assert code == 2 and "No Ray cluster at 127.0.0.1:1" in err and "Traceback" not in err
    assert records(tmp_path) == records(undisturbed_grid)  # what --force would take away stands until a run can start
