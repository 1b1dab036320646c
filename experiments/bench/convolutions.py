"""How much of a whole training step is convolution, and how long the same convolutions take in a bare loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median

import torch
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

import assigners
from experiments.bench.steps import bench_batch, our_model, our_step, seconds_of

ROUNDS = 3
OPERATORS = {
    "aten::mkldnn_convolution",
    "aten::_slow_conv2d_forward",
    "aten::_slow_conv2d_backward",
    "aten::convolution_backward",
}
Call = tuple[nn.Conv2d, tuple[int, ...], bool]  # module, shape of its input, whether that gets a gradient


def report_convolutions() -> None:
    print(
        "\nconvolutions of a training step, ResNet-50, 800 x 1344, batch 1: median s of the step, of them in it, their "
        "share, s in a bare loop, bare / in the step"
    )
    images, batch = bench_batch()
    for name in assigners.available():
        model = our_model(name)
        with _recorded(model) as calls:
            our_step(model, images, batch)
        inside, whole, bare = [], [], []
        for _ in range(ROUNDS):
            model.zero_grad(set_to_none=True)
            inside.append(_seconds_inside(model, images, batch))
            model.zero_grad(set_to_none=True)
            whole.append(seconds_of(our_step, model, images, batch))
            bare.append(sum(count * _bare_seconds(*call) for call, count in calls.items()))
        step, convolution, alone = median(whole), median(inside), median(bare)
        row = f"{step:>7.2f} s{convolution:>7.2f} s{100 * convolution / step:>6.1f} %{alone:>7.2f} s"
        print(f"{name:<16}{row}{100 * alone / convolution:>6.0f} %")


@contextmanager
def _recorded(model: nn.Module) -> Iterator[Counter[Call]]:
    """Counts the calls of each convolution while it is open."""
    calls: Counter[Call] = Counter()

    def record(module: nn.Conv2d, inputs: tuple[Tensor, ...]) -> None:
        calls[module, tuple(inputs[0].shape), inputs[0].requires_grad] += 1

    hooks = [m.register_forward_pre_hook(record) for m in model.modules() if isinstance(m, nn.Conv2d)]
    yield calls
    for hook in hooks:
        hook.remove()


def _seconds_inside(model: nn.Module, images: Tensor, batch) -> float:
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        our_step(model, images, batch)
    return sum(row.self_cpu_time_total for row in profiler.key_averages() if row.key in OPERATORS) / 1e6


def _bare_seconds(conv: nn.Conv2d, shape: tuple[int, ...], needs_gradient: bool) -> float:
    """Forward, and backward where something learns, of one convolution with nothing around it."""
    x = torch.randn(shape).to(memory_format=torch.channels_last).requires_grad_(needs_gradient)
    inputs = [t for t in (x, *conv.parameters()) if t.requires_grad]
    learns = bool(inputs)
    upstream = torch.randn_like(conv(x)) if learns else None  # warms up, too

    def work() -> None:
        out = conv(x)
        if learns:
            torch.autograd.grad(out, inputs, upstream)

    return seconds_of(work)
