"""Averaged weights are the formula's, are what is evaluated, and a stopped run ends with the same ones."""

import signal

import pytest
import torch

from experiments.bench.pretend_device import DEVICE, PretendDevice, Waits
from experiments.records.run_folder import runs_in
from experiments.runtime.errors import UserError
from experiments.training import checkpoint
from experiments.training.average import Average
from experiments.training.checkpoint import Spent
from tests.tiny_runs import LONGER, differences, started, thaw, words

CPU = torch.device("cpu")
AVERAGED = "schedule.average=0.9"


def model_of(*values: float) -> torch.nn.Module:
    model = torch.nn.Linear(1, len(values), bias=False)
    model.weight.data[:, 0] = torch.tensor(values)
    return model


def test_the_average_is_the_formulas():
    model, expected = model_of(0.0, 0.0), [0.0, 0.0]
    average = Average(model, 0.5)
    for n in range(30):
        values = [float(n), float(n * n)]
        model.weight.data[:, 0] = torch.tensor(values)
        average.update()
        decay = min(0.5, (1 + n) / (10 + n)) if n else 0.0  # the first one is taken as it is
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected, values, strict=True)]
        assert average.evaluated.weight[:, 0].tolist() == pytest.approx(expected, rel=1e-5)
    assert model.weight[:, 0].tolist() == [29.0, 841.0]
    average.finish()
    assert torch.equal(model.weight, average.evaluated.weight)


def test_no_update_waits_for_a_device():
    with PretendDevice() as device:
        average = Average(model_of(1.0, 2.0).to(DEVICE), 0.5)
        device.waits = Waits()
        for _ in range(3):
            average.update()
        assert device.waits.to_host == [] and average.copy.n_averaged == 3


def test_without_an_average_the_model_itself_is_evaluated():
    model = model_of(1.0)
    average = Average(model, 0.0)
    average.update()
    average.finish()
    assert average.evaluated is model and average.state() == {} and model.weight.item() == 1


def test_a_checkpoint_holds_model_and_average_and_refuses_another_runs(tmp_path):
    from experiments.records.run_folder import RunFolder

    folder, model = RunFolder(tmp_path), model_of(1.0, 2.0)
    optimizer, average = torch.optim.AdamW(model.parameters()), Average(model, 0.9)
    average.update()
    model.weight.data += 1
    average.update()
    checkpoint.save(folder, model, optimizer, Spent(2, 1.0), average)
    other, fresh = model_of(0.0, 0.0), torch.optim.AdamW(model.parameters())
    again = Average(other, 0.9)
    checkpoint.load(folder, other, fresh, CPU, again)
    assert torch.equal(other.weight, model.weight)
    assert torch.equal(again.evaluated.weight, average.evaluated.weight)
    assert not torch.equal(again.evaluated.weight, other.weight)
    with pytest.raises(UserError, match="weights averaged"):
        checkpoint.load(folder, other, fresh, CPU)
    checkpoint.save(folder, model, optimizer, Spent(3, 1.0), average)
    with pytest.raises(UserError, match="2 steps averaged of 3"):
        checkpoint.load(folder, other, fresh, CPU, again)


@pytest.fixture(scope="module")
def undisturbed_average(tmp_path_factory):
    runs = tmp_path_factory.mktemp("averaged")
    process = started(runs, 10**6, AVERAGED, "schedule.evaluations=3")
    assert process.wait() == 0
    return runs_in(runs)[0]


@pytest.mark.parametrize(("number", "rows"), [(signal.SIGKILL, 2), (signal.SIGKILL, 14), (signal.SIGTERM, 6)])
def test_a_run_that_was_stopped_ends_with_the_same_average(command, tmp_path, undisturbed_average, number, rows):
    process = started(tmp_path, rows, AVERAGED, "schedule.evaluations=3")
    process.send_signal(number)
    thaw(process.pid)
    process.communicate(timeout=120)
    folder = runs_in(tmp_path)[0]
    assert not folder.is_done()
    words_again = words(tmp_path, overrides=(*LONGER, AVERAGED, "schedule.evaluations=3"))
    assert command(*words_again)[0] == 0
    assert differences(folder, undisturbed_average) == []


def test_the_average_is_evaluated_and_trains_nothing(undisturbed_average, undisturbed):
    """The same losses at each step as without it, other weights at the end."""
    losses = [[row.values["loss"] for row in folder.read_metrics()] for folder in (undisturbed_average, undisturbed)]
    assert losses[0] == losses[1]
    states = [checkpoint.read(folder.checkpoint, CPU)["model"] for folder in (undisturbed_average, undisturbed)]
    assert all(state.keys() == states[0].keys() for state in states)
    assert any(not torch.equal(states[0][name], states[1][name]) for name in states[0])
    points = [folder.read_curve() for folder in (undisturbed_average,)]
    assert [point.step for point in points[0]] == [8, 16]
