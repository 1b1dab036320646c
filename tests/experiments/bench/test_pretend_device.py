"""The pretended device computes what the CPU does, and writes down what a GPU would be waited for."""

import pytest
import torch
from torch import Tensor

import assigners
from detector.config import DetectorConfig
from detector.detector import Detector
from detector.streams import global_stream
from experiments.bench.pretend_device import DEVICE, PretendDevice, Waits
from experiments.bench.syncs import CANVAS, CLASSES, crowded
from experiments.training.step import to_device

X, MASK = torch.tensor([3.0, -1.0, 2.0]), torch.tensor([True, False, True])


class Reads(torch.autograd.Function):
    """Waits in its backward pass."""

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return 2 * x

    @staticmethod
    def backward(ctx, upstream: Tensor) -> Tensor:
        return upstream * float(ctx.saved_tensors[0].max())


def waits_of(act) -> Waits:
    """Of `act` on x (3,) and mask (3,) of the device."""
    with PretendDevice() as device:
        x, mask = X.to(DEVICE), MASK.to(DEVICE)
        device.waits = Waits()
        act(x.requires_grad_(), mask)
    return device.waits


WAITING = {
    "item": lambda x, mask: x.detach()[0].item(),
    "float": lambda x, mask: float(x.detach().sum()),
    "bool": lambda x, mask: bool(mask.any()),
    "tolist": lambda x, mask: x.tolist(),
    "cpu": lambda x, mask: x.cpu(),
    "to": lambda x, mask: x.to("cpu"),
    "copy": lambda x, mask: torch.zeros(3).copy_(x.detach()),
    "nonzero": lambda x, mask: mask.nonzero(),
    "where": lambda x, mask: torch.where(mask),
    "mask": lambda x, mask: x[mask],
    "masked_select": lambda x, mask: x.masked_select(mask),
    "written by mask": lambda x, mask: x.detach().clone().index_put_((mask,), x.detach()[:2]),
    "unique": lambda x, mask: x.detach().unique(),
    "unique_consecutive": lambda x, mask: x.detach().unique_consecutive(),
    "repeat_interleave": lambda x, mask: torch.repeat_interleave(mask.long()),
    "bincount": lambda x, mask: mask.long().bincount(),
    "equal": lambda x, mask: torch.equal(x, x + 1),
    "backward": lambda x, mask: Reads.apply(x).sum().backward(),
}
FREE = {
    "sum": lambda x, mask: (x * mask).sum().backward(),
    "index": lambda x, mask: x[mask.long()],
    "filled by mask": lambda x, mask: x.detach().clone().masked_fill_(mask, 0.0),
    "nonzero_static": lambda x, mask: torch.nonzero_static(mask, size=2),
    "repeat_interleave": lambda x, mask: torch.repeat_interleave(mask.long(), output_size=2),
    "sort": lambda x, mask: x.sort(stable=True),
    "split": lambda x, mask: x.split([1, 2]),
    "copied on": lambda x, mask: torch.zeros(2).to(DEVICE, non_blocking=True),
    "host": lambda x, mask: MASK.nonzero().tolist(),
}


@pytest.mark.parametrize("act", WAITING.values(), ids=WAITING)
def test_what_a_gpu_is_waited_for_is_written_down_with_its_line(act):
    (wait,) = waits_of(act).to_host
    assert wait.startswith("aten.") and " at tests/experiments/bench/test_pretend_device.py:" in wait


@pytest.mark.parametrize("act", FREE.values(), ids=FREE)
def test_what_needs_no_wait_is_not(act):
    assert waits_of(act) == Waits()


@pytest.mark.parametrize("act", [lambda: torch.tensor([1.0], device=DEVICE), lambda: X.to(DEVICE)])
def test_a_copy_from_the_host_that_waits_is_written_down(act):
    waits = waits_of(lambda x, mask: act())
    assert len(waits.to_device) == 1 and waits.to_host == []
    assert len(waits_of(lambda x, mask: x.new_tensor((1.0, 2.0))).to_device) == 1


def test_tensors_of_the_host_and_of_the_device_do_not_mix():
    with pytest.raises(RuntimeError, match="mixes tensors of the host and of the device"):
        waits_of(lambda x, mask: x + X)
    assert waits_of(lambda x, mask: x + X[0]) == Waits()  # a single number


@pytest.mark.parametrize("name", assigners.available())
def test_the_numbers_are_those_of_the_cpu(name):
    """So the way that only devices take is the same assignment."""
    images = torch.randint(256, (2, 3, *CANVAS), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    config, batch, terms = DetectorConfig("resnet18", "none", "gn", 0, 16, 1, "native"), crowded(), {}
    for device in (torch.device("cpu"), DEVICE):
        with PretendDevice():
            with global_stream(0, "pretended"):
                assigner = assigners.build(name, CLASSES, config.channels)
            model = Detector(config, assigner).to(device)
            losses, counts = model.assigner(model.predict(images.to(device), 0.5), to_device(batch, device))
            sum(losses.values()).backward()
            numbers = losses | counts | {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
            terms[device.type] = {n: x.detach().cpu() for n, x in numbers.items()}
    assert terms["cpu"].keys() == terms[DEVICE.type].keys()
    assert all(torch.equal(x, terms[DEVICE.type][n]) for n, x in terms["cpu"].items())
