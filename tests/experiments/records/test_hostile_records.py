"""Records from strangers run no code, take no memory beyond their size, and write nothing outside their folder."""

import io

import numpy as np
import pytest

from analysis.runs import read_runs
from experiments.recipes.load import load
from experiments.recipes.recipe import plain
from experiments.records.arrays import Matches, StoredDetections
from experiments.records.files import RecordError
from experiments.records.run_folder import RunFolder
from tests.pickles import archive, code
from tests.sample_records import result, run_record

NPZ = {"detections": (StoredDetections, "image_id.npy"), "matches": (Matches, "image.npy")}


@pytest.fixture
def folder(tmp_path) -> RunFolder:
    run = RunFolder(tmp_path / "runs" / "a")
    run.path.mkdir(parents=True)
    return run


def header(kind: str, shape: tuple[int, ...]) -> bytes:
    """Of an array; what should follow it is not there."""
    head = io.BytesIO()
    np.lib.format.write_array_header_1_0(head, {"descr": kind, "fortran_order": False, "shape": shape})
    return head.getvalue()


@pytest.mark.parametrize("name", NPZ)
def test_arrays_run_no_code(folder, tmp_path, name):
    kind, first = NPZ[name]
    path = getattr(folder, name)
    archive(path, header("|O", (1,)) + code(tmp_path / "witness"), first)
    with pytest.raises(RecordError, match=name):
        kind.load(path)
    assert not (tmp_path / "witness").exists()


@pytest.mark.parametrize("name", NPZ)
def test_memory_is_bounded_by_the_file(folder, name):
    kind, first = NPZ[name]
    path = getattr(folder, name)
    archive(path, header("<f8", (10**13,)), first)
    with pytest.raises(RecordError):
        kind.load(path)


def test_a_record_that_climbs_out_changes_nothing_outside(folder, tmp_path):
    """The folder's own name is the run's; what run.json says of itself is never a path."""
    away = "../" * 12 + "tmp/climbed"
    folder.write_run(run_record(plain(load("shapes", "fcos", [], 0)) | {"runs": away}, id=away))
    folder.write_result(result(per_class={away: 1.0}))
    before = sorted(tmp_path.rglob("*"))
    (run,) = read_runs(folder.path.parent)
    assert (run.id, run.status) == ("a", "done")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("text", ["[" * 10**5, '{"a":' * 10**5, "9" * 5000])
def test_a_record_bomb_is_a_hole_with_its_reason(folder, text):
    folder.run.write_text(text)
    assert "unreadable run.json" in read_runs(folder.path.parent)[0].reason
    folder.write_run(run_record())
    folder.metrics.write_text(text + "\n")
    assert "unreadable metrics.jsonl" in read_runs(folder.path.parent)[0].reason
    folder.done.write_text(text)
    assert "unreadable done" in read_runs(folder.path.parent)[0].reason
