"""The inputs of the benchmarks fit every method as it is built by default."""

import pytest
import torch

import assigners
from experiments.bench.scenes import bench_objects, bench_predictions, loss_step


@pytest.mark.parametrize("name", assigners.available())
def test_every_method_takes_a_step_on_them(name):
    assigner = assigners.build(name, 2)
    preds = bench_predictions(assigner.spec(), 2)
    loss_step(assigner, preds, bench_objects(7, 2, 40, 400))
    assert torch.isfinite(preds.logits.grad).all() and preds.logits.grad.any()
