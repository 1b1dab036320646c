"""Hostile bytes to every reader of a run folder and to the recipe's: a sentence, never a traceback, never a hang.

ASSIGNBENCH_FUZZ_EXAMPLES sets the number of inputs of each test; `make soak` sets it high.
"""

import io
import json
import os
from datetime import timedelta

import numpy as np
import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from analysis.collect import collect
from experiments.protocols.interface import Detections
from experiments.recipes import recipe
from experiments.records.run_folder import RecordError, RunFolder, write_json
from experiments.runtime.errors import UserError
from experiments.training import checkpoint

EXAMPLES = int(os.environ.get("ASSIGNBENCH_FUZZ_EXAMPLES", 25))
CPU = torch.device("cpu")
fuzz = settings(
    max_examples=EXAMPLES,
    deadline=timedelta(seconds=10),  # a hang, not a slow machine
    database=None,
    derandomize=EXAMPLES < 1000,
    suppress_health_check=list(HealthCheck),
)


@st.composite
def damaged(draw, whole: bytes) -> bytes:
    """The bytes of a good file, some of them cut out, written over, doubled or foreign; or any bytes at all."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        first = draw(st.integers(0, len(data)))
        last = min(len(data), first + draw(st.sampled_from((0, 1, 2, 8, 100, len(whole)))))
        data[first:last] = draw(
            st.one_of(st.binary(max_size=9), st.just(bytes(data[last:first:-1])), st.just(b"[" * 3000))
        )
    return bytes(data)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((0, -1, 2**70, 10**400, "3"))
    | st.floats()
    | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)


@st.composite
def changed(draw, whole: dict) -> dict:
    """A good dictionary, some values of which are anything, or are not there."""
    found = dict(whole)
    for key in draw(st.lists(st.sampled_from(sorted(whole)), max_size=3)):
        if isinstance(found.get(key), dict) and found[key] and draw(st.booleans()):
            found[key] = draw(changed(found[key]))
        elif draw(st.booleans()):
            found[key] = draw(JSON)
        else:
            found.pop(key, None)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> RunFolder:
    found = RunFolder(tmp_path_factory.mktemp("runs") / "a")
    found.path.mkdir()
    return found


RECIPE = recipe.plain(recipe.load("shapes", "fcos", [], 0))
RUN = {"id": "a", "recipe": RECIPE, "data": {"train": {"digest": "x"}}, "defaults": {"loss.weight": 1.0}}
DONE = dict.fromkeys(("AP", "AP50", "AP75", "APs", "APm", "APl"), 0.5) | {"train_seconds": 1.0, "per_class": {"a": 0.5}}
ROWS = b"".join(b'{"step": %d, "loss": 1.5, "images_per_s": null}\n' % step for step in range(1, 6))


def good(write) -> bytes:
    file = io.BytesIO()
    write(file)
    return file.getvalue()


def trained() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    return model, optimizer


MODEL, OPTIMIZER = trained()
STATE = {"model": MODEL.state_dict(), "optimizer": OPTIMIZER.state_dict(), "step": 3, "seconds": 1.0}
CHECKPOINT = good(lambda file: torch.save(STATE, file))
DETECTIONS = good(
    lambda file: np.savez(file, image=np.zeros(2), boxes=np.zeros((2, 4)), labels=np.zeros(2), scores=np.ones(2))
)


@fuzz
@given(data=damaged(CHECKPOINT))
def test_a_checkpoint(folder, data):
    folder.checkpoint.write_bytes(data)
    model, optimizer = trained()
    try:
        checkpoint.load(folder, model, optimizer, CPU)
    except UserError:
        return
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()  # what was taken in can be gone on with


@fuzz
@given(state=changed(STATE | {"optimizer": {"state": {i: dict(m) for i, m in STATE["optimizer"]["state"].items()}}}))
def test_a_checkpoint_with_checksums_that_match(folder, state):
    torch.save(state, folder.checkpoint)
    model, optimizer = trained()
    try:
        checkpoint.load(folder, model, optimizer, CPU)
    except UserError:
        return
    optimizer.step()


@fuzz
@given(record=changed(RUN), done=changed(DONE), finished=st.booleans())
def test_records_of_other_values(folder, record, done, finished):
    write_json(folder.run, record)
    folder.done.unlink(missing_ok=True)
    if finished:
        write_json(folder.done, done)
    assert len(collect(folder.path.parent)) == 1


@fuzz
@given(
    record=damaged(good(lambda f: f.write(json.dumps(RUN).encode()))),
    rows=damaged(ROWS),
    done=st.none() | damaged(b'{"AP": 0.5, "AP50": null}'),
)
def test_records_of_other_bytes(folder, record, rows, done):
    folder.run.write_bytes(record)
    folder.metrics.write_bytes(rows)
    folder.done.unlink(missing_ok=True)
    if done is not None:
        folder.done.write_bytes(done)
    assert len(collect(folder.path.parent)) == 1


@fuzz
@given(rows=damaged(ROWS))
def test_metrics_of_a_run_that_goes_on(folder, rows):
    folder.metrics.write_bytes(rows)
    try:
        folder.truncate_metrics(2)
    except RecordError:
        return
    assert all(row["step"] <= 2 for row in folder.read_metrics())


@fuzz
@given(data=damaged(DETECTIONS))
def test_detections(folder, data):
    folder.detections.write_bytes(data)
    try:
        Detections.load(folder.detections)
    except RecordError:
        return


def read_recipe(folder: RunFolder, text: bytes) -> None:
    path = folder.path / "mine.yaml"
    path.write_bytes(text)
    try:
        recipe.load(str(path), "fcos", [], 0)
    except UserError as error:
        assert len(str(error)) < 5000


@fuzz
@given(text=damaged((recipe.FOLDER / "shapes.yaml").read_bytes()))
def test_a_recipe_of_other_bytes(folder, text):
    read_recipe(folder, text)


@fuzz
@given(values=changed({key: RECIPE[key] for key in ("data", "model", "schedule", "optimizer", "test")}))
def test_a_recipe_of_other_values(folder, values):
    read_recipe(folder, yaml.safe_dump(values, allow_unicode=True).encode("utf-8", "surrogatepass"))
    try:
        recipe.from_dict({"assigner": "fcos", "dataset": "shapes", **values}, "run.json")
    except UserError:
        return


@fuzz
@given(key=st.sampled_from(("schedule.batch", "data.train", "optimizer.lr", "model", "")), value=st.text(max_size=12))
def test_words_of_the_command_line(key, value):
    try:
        recipe.load("shapes", "fcos", [f"{key}={value}"], 0)
    except UserError:
        return
