"""The head of MetaAnchor, a reconstruction: the last layers are generated from the prior of each anchor.

Yang et al. 2018, section 3. No code of the authors was found; what is unverified stands in `assigners/metaanchor.py`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d

from assigners.geometry import prior_shapes
from detector.heads.towers import Head
from detector.streams import generator

HIDDEN = 32  # numbers between the two layers of R; unverified
TAPS = 9  # of a 3x3 convolution


class MetaAnchorHead(Head):
    """As Head, with one generated convolution in the place of `logits` and one in that of `deltas`."""

    def _extend(self, channels: int, seed: int) -> None:
        priors = prior_shapes(
            self.spec.scales, self.spec.ratios, 1.0
        ).log()  # (A, 2) of width and height to the base square
        class_bias, box_bias = (layer.bias.view(self.per_cell, -1)[0].detach() for layer in (self.logits, self.deltas))
        self.logits = Generated(priors, channels, class_bias, seed, "class")
        self.deltas = Generated(priors, channels, box_bias, seed, "box")


class Generated(nn.Module):
    """A 3x3 convolution of each anchor b with theta_b = theta* + R(b), R(b) = W2 relu(W1 b); equation 4."""

    def __init__(self, priors: Tensor, channels: int, bias: Tensor, seed: int, tower: str):
        """priors (A, 2): b of each anchor; bias (c,): the start of theta*'s."""
        super().__init__()
        self.register_buffer("priors", priors, persistent=False)
        self.theta = nn.Parameter(torch.empty(len(bias), channels, 3, 3))  # theta*
        self.bias = nn.Parameter(bias.clone())
        self.w1 = nn.Parameter(torch.empty(HIDDEN, priors.shape[1]))
        self.w2 = nn.Parameter(torch.empty(len(bias) * (channels * TAPS + 1), HIDDEN))  # of weights, then of biases
        for name, std in (("theta", 0.01), ("w1", 1.0), ("w2", 0.001)):
            nn.init.normal_(getattr(self, name), std=std, generator=generator(seed, type(self).__name__, tower, name))

    def forward(self, x: Tensor) -> Tensor:
        """(B, channels, height, width) -> (B, A c, height, width), anchor by anchor."""
        weight, bias = self.of_anchors()
        return conv2d(x, weight, bias, padding=1)

    def of_anchors(self) -> tuple[Tensor, Tensor]:
        """theta_b of all anchors: weights (A c, channels, 3, 3) and biases (A c,)."""
        residual = (self.priors @ self.w1.T).relu() @ self.w2.T  # R(b), (A, c (9 channels + 1))
        weights, biases = residual.split((self.theta.numel(), len(self.bias)), 1)
        theta = self.theta + weights.view(len(residual), *self.theta.shape)
        return theta.flatten(0, 1), (self.bias + biases).flatten()
