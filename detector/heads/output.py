"""What every head variant gives the detector."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class HeadOutput:
    """Flat over the batch, letters as in assigners/interface.py; in the dtype of the network."""

    logits: Tensor  # (P, K)
    deltas: Tensor  # (P, 4)
    branches: Mapping[str, Tensor]  # (P, channels) each, those of the spec
    sizes: tuple[tuple[int, int], ...]  # height and width of each level, cells
