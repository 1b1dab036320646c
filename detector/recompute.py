"""Activation checkpointing: memory for time. The numbers stay the same, since the same kernels run again."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def apply(module: nn.Module, x: Tensor, recompute: bool) -> Tensor:
    """module(x). recompute: the backward pass computes again what lies inside `module` instead of keeping it."""
    if recompute and torch.is_grad_enabled():
        return checkpoint(module, x, use_reentrant=False, preserve_rng_state=False)  # no layer of ours is random
    return module(x)
