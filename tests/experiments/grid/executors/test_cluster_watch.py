"""A node that is lost is one sentence: which one, and which runs start again."""

from experiments.grid.executors.cluster_watch import NodeWatch
from experiments.grid.job import Job
from experiments.records.run_folder import RunFolder
from tests.sample_records import result


def nodes(*alive: str) -> list[dict]:
    return [{"NodeID": name * 20, "NodeManagerAddress": f"host-{name}", "Alive": name in alive} for name in "abc"]


def job(tmp_path, name: str) -> Job:
    return Job(name, {"assigner": "fcos", "dataset": "shapes", "seed": 1}, None, str(tmp_path))


def test_a_lost_node_is_one_sentence_with_its_unfinished_runs(tmp_path):
    watch = NodeWatch(retries=2)
    assert watch.look(nodes("a", "b", "c")) == [] == watch.look(nodes("a", "b", "c"))
    jobs = {name: job(tmp_path, name) for name in ("one", "two", "three", "four")}
    watch.runs = {"1": ("a" * 20, jobs["one"]), "2": ("a" * 20, jobs["two"]), "3": ("b" * 20, jobs["three"])}
    watch.failed = [("a" * 20, jobs["four"])]
    RunFolder(tmp_path / "two").path.mkdir()
    RunFolder(tmp_path / "two").write_result(result(0.5))
    both = "run one (fcos on shapes, seed 1), run four (fcos on shapes, seed 1)"
    again = f"these start again from their newest checkpoint: {both}"
    assert watch.look(nodes("b", "c")) == [f"Node host-a (aaaaaaaa) of the Ray cluster is lost; {again}."]
    assert watch.look(nodes("b", "c")) == []
    assert watch.look(nodes("a", "b")) == ["Node host-c (cccccccc) of the Ray cluster is lost; no run was on it."]
    watch.retries = 0
    assert "not tried again, by --retries 0: run three" in watch.look(nodes("a"))[0]
