"""Random streams of the initial weights: each part draws from its own, so that no part shifts another's.

Methods ask for heads of different sizes. From one stream in a row, a larger first layer would change all weights after
it, and two methods of one seed would start from different towers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256

import torch
from torch import nn


def generator(seed: int, *names: object) -> torch.Generator:
    """The stream of a part, named by `names`; equal names and seeds give equal numbers."""
    return torch.Generator().manual_seed(_number(seed, names))


@contextmanager
def global_stream(seed: int, *names: object) -> Iterator[None]:
    """For code that draws from torch's global generator only; that one is left as it was."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_number(seed, names))
        yield


def convolutions(module: nn.Module, seed: int, prefix: str = "") -> Iterator[tuple[nn.Conv2d, torch.Generator]]:
    """Each convolution and its stream, named by the child that holds it and its rank in there: norms do not count.

    prefix: the name before the child's; "": the module's class.
    """
    for name, child in module.named_children():
        convs = [m for m in child.modules() if isinstance(m, nn.Conv2d)]
        yield from ((conv, generator(seed, prefix or type(module).__name__, name, i)) for i, conv in enumerate(convs))


def _number(seed: int, names: tuple) -> int:
    digest = sha256("/".join(map(str, (seed, *names))).encode()).digest()
    return int.from_bytes(digest[:8], "big")
