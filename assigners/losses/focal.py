"""The negative class term of all P x K outputs, sum of p^gamma (-log(1 - p)), with its gradient in the same pass."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

LARGE = 80.0  # logits beyond count as this: exp(-80) is still a float32
BLOCK = 2**16  # outputs that stay in a core's cache between the steps of the formula


class _NegativeSum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, logits: Tensor, objectness: Tensor | None, keep: Tensor, gamma: float, detached: bool) -> Tensor:
        rows = len(logits) if logits.is_cuda else max(1, BLOCK // logits.shape[1])
        grad = torch.empty_like(logits)
        grad_objectness = None if objectness is None else torch.empty_like(objectness)
        total = torch.zeros((), dtype=torch.float64, device=logits.device)
        for start in range(0, len(logits), rows):
            at = slice(start, start + rows)
            if objectness is None:
                loss, slope = _single(logits[at], gamma, detached)
            else:
                loss, slope, slope_o = _product(logits[at], objectness[at, None], gamma, detached)
                grad_objectness[at] = slope_o.sum(1) * keep[at]
            total += (loss.sum(1) * keep[at]).sum()
            torch.mul(slope, keep[at, None], out=grad[at])
        ctx.save_for_backward(grad, grad_objectness)
        return total.to(logits.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx, upstream: Tensor):
        grad, grad_objectness = ctx.saved_tensors  # of the graph: not scaled in place, it may be walked again
        by_objectness = None if grad_objectness is None else grad_objectness * upstream
        return grad * upstream, by_objectness, None, None, None


def _single(c: Tensor, gamma: float, detached: bool = False) -> tuple[Tensor, Tensor]:
    """p = sigma(c): the loss and d loss / dc, both (rows, K)."""
    c = c.clamp(-LARGE, LARGE)
    p, rest = c.sigmoid(), (-c).sigmoid()
    surprise, focus = _surprise(p, rest), p.pow(gamma)
    through_focus = surprise.mul(rest).mul_(0.0 if detached else gamma)
    return focus * surprise, focus.mul_(through_focus.add_(p))


def _product(c: Tensor, o: Tensor, gamma: float, detached: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """p = sigma(c) sigma(o): the loss, d loss / dc and d loss / do, all (rows, K)."""
    c, o = c.clamp(-LARGE, LARGE), o.clamp(-LARGE, LARGE)
    a, b, not_a, not_b = c.sigmoid(), o.sigmoid(), (-c).sigmoid(), (-o).sigmoid()
    p, rest = a * b, not_a + a * not_b  # rest = 1 - p without cancellation
    surprise, focus = _surprise(p, rest), p.pow(gamma)
    slope = focus * ((0.0 if detached else gamma) * surprise + p / rest)
    return focus * surprise, slope * not_a, slope * not_b


def _surprise(p: Tensor, rest: Tensor) -> Tensor:
    """-log(1 - p) from p and 1 - p, each exact where small: the log of a rounded 1 - p, and what rounding lost.

    torch's softplus and log1p do the same ten times slower on a CPU.
    """
    return (p - (1 - rest)).mul_(rest).sub_(rest.log())


def negative_sum(
    logits: Tensor, objectness: Tensor | None, keep: Tensor, gamma: float, detached: bool = False
) -> Tensor:
    """Sum over all outputs of p^gamma (-log(1 - p)), p = sigma(logits) or sigma(logits) sigma(objectness).

    logits (P, K), objectness (P,) or None, keep (P,) weight of a prior; a scalar in the dtype of the logits.
    detached: no gradient through p^gamma.
    """
    return _NegativeSum.apply(logits, objectness, keep, gamma, detached)


@torch.no_grad()
def negative_rows(logits: Tensor, objectness: Tensor | None, gamma: float) -> Tensor:
    """(rows, K), (rows,) or None -> (rows,) sum over the classes of p^gamma (-log(1 - p)). No gradient."""
    if objectness is None:
        return _single(logits, gamma)[0].sum(1)
    return _product(logits, objectness[:, None], gamma)[0].sum(1)
