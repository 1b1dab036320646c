"""The processes of one run: one a device, started by torchrun; a single one where nobody started more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import signature

import torch
from torch import Tensor, distributed, nn

from experiments.runtime.errors import UserError

_AGAIN = "Run the same command to resume from the newest checkpoint."
_UNSET = "Start several processes with torchrun, or unset it for one."
# Of buffers: not before each step, since they are equal everywhere. One that changes, as NoisyAnchors' `positives`,
# does so by sums over the processes. torch renamed the word after 2.9.
_SYNC = next(
    name
    for name in ("forward_sync_buffers", "broadcast_buffers")
    if name in signature(nn.parallel.DistributedDataParallel).parameters
)
NEEDED = ("RANK", "MASTER_ADDR", "MASTER_PORT")  # of each of several processes
_ENDED = f"Another process of this run has ended; what it printed says why. {_AGAIN}"
KILLED = {  # words of torch's message -> ours
    "DataLoader worker": f"A loader process was killed, most often for memory: lower data.workers. {_AGAIN}",
    "gloo": _ENDED,
    "NCCL": _ENDED,
    "TCPStore": _ENDED,
}


@dataclass(frozen=True)
class World:
    """This process's rank among the processes of the run."""

    rank: int
    size: int
    device: torch.device

    @property
    def writes(self) -> bool:
        """One process writes the run folder."""
        return self.rank == 0

    def wrap(self, model: nn.Module) -> nn.Module:
        """Gradients become means over the processes."""
        if self.size == 1:
            return model
        return nn.parallel.DistributedDataParallel(model, **{_SYNC: False})

    def mean(self, values: Tensor) -> Tensor:
        """Over the processes."""
        if self.size > 1:
            distributed.all_reduce(values)
        return values / self.size

    def gather(self, value: object) -> list:
        """The value of every process, by rank."""
        values = [value] * self.size
        if self.size > 1:
            distributed.all_gather_object(values, value)
        return values


@contextmanager
def join_processes() -> Iterator[World]:
    """Joins the processes that torchrun announces in the environment, by gloo on CPUs and NCCL on GPUs.

    Raises UserError where one of them, or a loader worker, was killed.
    """
    try:
        with _group() as world:
            yield world
    except RuntimeError as error:  # torch has no class for it
        sentences = [sentence for mark, sentence in KILLED.items() if mark in str(error)]
        if not sentences:
            raise
        raise UserError(sentences[0]) from None


@dataclass(frozen=True)
class Announced:
    """What the environment says of this process: torchrun sets all of it, a job system some of it or empty words."""

    size: int  # processes of the run
    local: int  # number of this one on its machine


def announced() -> Announced:
    """One process where nothing is said. Raises UserError for what is half said, or no number."""
    size = _number("WORLD_SIZE", 1, 1)
    if size > 1:
        lacking = [name for name in NEEDED if not os.environ.get(name)]
        if lacking or _number("RANK", 0, 0) >= size:
            why = f"lacks {', '.join(lacking)}" if lacking else f"says RANK={os.environ['RANK']}"
            raise UserError(f"The environment says WORLD_SIZE={size} and {why}. {_UNSET}")
        _number("MASTER_PORT", 0, 0)
    return Announced(size, _number("LOCAL_RANK", 0, 0))


def _number(name: str, default: int, least: int) -> int:
    """Of an environment variable; an empty one is none."""
    text = os.environ.get(name, "").strip() or str(default)
    if not (text.isascii() and text.isdecimal() and len(text) < 11 and least <= int(text) < 2**31):
        raise UserError(f"The environment says {name}={text}, which is no number of {least} or more. {_UNSET}")
    return int(text)


@contextmanager
def _group() -> Iterator[World]:
    size, local = announced().size, announced().local
    cuda = torch.cuda.is_available()
    if cuda and local >= torch.cuda.device_count():
        raise UserError(f"LOCAL_RANK is {local}, and this machine has {torch.cuda.device_count()} GPUs. {_UNSET}")
    device = torch.device("cuda", local) if cuda else torch.device("cpu")
    if size == 1:
        yield World(0, 1, device)
        return
    if cuda:
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield World(distributed.get_rank(), size, device)
    finally:
        distributed.destroy_process_group()
