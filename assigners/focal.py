"""The negative class term of all P x K outputs, sum of p^gamma (-log(1 - p)), with its gradient in the same pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

BLOCK = 2**16  # outputs that stay in a core's cache between the steps of the formula


class _NegativeSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, objectness: Tensor | None, keep: Tensor, gamma: float) -> Tensor:
        rows = len(logits) if logits.is_cuda else max(1, BLOCK // logits.shape[1])
        grad = torch.empty_like(logits)
        grad_objectness = None if objectness is None else torch.empty_like(objectness)
        total = torch.zeros((), dtype=torch.float64, device=logits.device)
        for start in range(0, len(logits), rows):
            at = slice(start, start + rows)
            if objectness is None:
                loss, slope = _single(logits[at], gamma)
            else:
                loss, slope, slope_o = _product(logits[at], objectness[at, None], gamma)
                grad_objectness[at] = slope_o.sum(1) * keep[at]
            total += (loss.sum(1) * keep[at]).sum()
            torch.mul(slope, keep[at, None], out=grad[at])
        ctx.save_for_backward(grad, grad_objectness)
        return total.to(logits.dtype)

    @staticmethod
    def backward(ctx, upstream: Tensor):
        grad, grad_objectness = ctx.saved_tensors
        return grad * upstream, None if grad_objectness is None else grad_objectness * upstream, None, None


def _single(c: Tensor, gamma: float) -> tuple[Tensor, Tensor]:
    """p = sigma(c): the loss and d loss / dc, both (rows, K)."""
    p, surprise = c.sigmoid(), softplus(c)  # -log(1 - p)
    focus = p.pow(gamma)
    return focus * surprise, focus.mul_(surprise.mul(1 - p).mul_(gamma).add_(p))


def _product(c: Tensor, o: Tensor, gamma: float) -> tuple[Tensor, Tensor, Tensor]:
    """p = sigma(c) sigma(o): the loss, d loss / dc and d loss / do, all (rows, K)."""
    c, o = c.clamp(-80, 80), o.clamp(-80, 80)  # exp(-80) is still a float32
    a, b, not_a, not_b = c.sigmoid(), o.sigmoid(), (-c).sigmoid(), (-o).sigmoid()
    p, rest = a * b, not_a + a * not_b  # rest = 1 - p without cancellation
    surprise = -rest.log()
    focus = p.pow(gamma)
    slope = focus * (gamma * surprise + p / rest)
    return focus * surprise, slope * not_a, slope * not_b


def negative_sum(logits: Tensor, objectness: Tensor | None, keep: Tensor, gamma: float) -> Tensor:
    """Sum over all outputs of p^gamma (-log(1 - p)), p = sigma(logits) or sigma(logits) sigma(objectness).

    logits (P, K), objectness (P,) or None, keep (P,) weight of a prior; a scalar in the dtype of the logits.
    """
    return _NegativeSum.apply(logits, objectness, keep, gamma)
