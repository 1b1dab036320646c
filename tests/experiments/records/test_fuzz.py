"""Hostile bytes and values in the files of a run folder: a sentence, never a traceback, never a hang."""

import io
import json
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.runs import frame_of, read_runs
from experiments.recipes.load import load
from experiments.recipes.recipe import plain
from experiments.records.arrays import Matches, StoredDetections
from experiments.records.files import FORMAT, RecordError, write_json
from experiments.records.run_folder import RunFolder
from tests.hostile import HANG, changed, damaged, fuzz
from tests.sample_records import result, run_record

hostile = fuzz(25, HANG)
RUN = {"format": FORMAT} | asdict(run_record(recipe=plain(load("shapes", "fcos", [], 0))))
DONE = {"format": FORMAT} | asdict(result())
ROWS = b"".join(b'{"step": %d, "loss": 1.5, "images_per_s": null}\n' % step for step in range(1, 6))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> RunFolder:
    run = RunFolder(tmp_path_factory.mktemp("runs") / "a")
    run.path.mkdir()
    return run


def rows_of_the_report(folder: RunFolder) -> int:
    return len(frame_of(read_runs(folder.path.parent)))


@hostile
@given(record=changed(RUN), done=changed(DONE), finished=st.booleans())
def test_records_of_other_values_are_a_row_of_the_report(folder, record, done, finished):
    write_json(folder.run, record)
    folder.done.unlink(missing_ok=True)
    if finished:
        write_json(folder.done, done)
    assert rows_of_the_report(folder) == 1


@hostile
@given(
    record=damaged(json.dumps(RUN).encode()),
    rows=damaged(ROWS),
    done=st.none() | damaged(json.dumps(DONE).encode()),
)
def test_records_of_other_bytes_are_a_row_of_the_report(folder, record, rows, done):
    folder.run.write_bytes(record)
    folder.metrics.write_bytes(rows)
    folder.done.unlink(missing_ok=True)
    if done is not None:
        folder.done.write_bytes(done)
    assert rows_of_the_report(folder) == 1


@hostile
@given(rows=damaged(ROWS))
def test_damaged_metrics_are_cut_or_refused(folder, rows):
    folder.metrics.write_bytes(rows)
    try:
        folder.truncate_metrics(2)
    except RecordError:
        return
    assert all(row.step <= 2 for row in folder.read_metrics())


def saved(arrays: dict[str, np.ndarray]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


DETECTIONS = saved({"image_id": np.zeros(2), "boxes": np.zeros((2, 4)), "labels": np.zeros(2), "scores": np.ones(2)})
MATCHES = saved({name: np.zeros(2) for name in Matches.__dataclass_fields__})


@hostile
@given(data=damaged(DETECTIONS))
def test_damaged_detections_are_read_or_refused(folder, data):
    folder.detections.write_bytes(data)
    try:
        StoredDetections.load(folder.detections)
    except RecordError:
        return


@hostile
@given(data=damaged(MATCHES))
def test_damaged_matches_are_read_or_refused(folder, data):
    folder.matches.write_bytes(data)
    try:
        Matches.load(folder.matches)
    except RecordError:
        return
