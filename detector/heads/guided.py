"""The head of GuidedAnchoring: the box tower says the shape of each prior, and features adapt to it before the outputs.

Wang et al. 2019, section 3.4; the authors' `GARetinaHead`.
"""

from __future__ import annotations

from torch import Tensor, nn
from torchvision.ops import DeformConv2d

from detector.heads.towers import Head
from detector.precision import full_precision
from detector.streams import generator

GROUPS = 4  # of channels that share the places of their taps
TAPS = 9  # of a 3x3 convolution


class GuidedHead(Head):
    """As Head, with an adaption between each tower and its output; the branches stay on the towers."""

    def _extend(self, channels: int, seed: int) -> None:
        (self.shaping,) = (branch.name for branch in self.spec.branches if branch.prior)
        self.class_adaption = Adaption(channels, seed, "class")
        self.box_adaption = Adaption(channels, seed, "box")

    def _level(self, i: int, feature: Tensor) -> dict[str, Tensor]:
        """Each output as (B, priors of the level, its numbers)."""
        towers = self._towers(feature)
        maps = {branch.name: self.get_submodule(branch.name)(towers[branch.tower]) for branch in self.spec.branches}
        shape = maps[self.shaping].detach()  # learns from its own loss alone
        maps["logits"] = self.logits(self.class_adaption(towers["class"], shape))
        maps["deltas"] = self.deltas(self.box_adaption(towers["box"], shape))
        return {name: self._rows(x) for name, x in maps.items()}


class Adaption(nn.Module):
    """A deformable 3x3 convolution whose taps lie where the shape of the prior says, and ReLU."""

    def __init__(self, channels: int, seed: int, tower: str):
        super().__init__()
        self.offset = nn.Conv2d(2, 2 * TAPS * GROUPS, 1, bias=False)
        self.deform = DeformConv2d(channels, channels, 3, padding=1, bias=False)
        self.activation = nn.ReLU()
        for layer, std in ((self.offset, 0.1), (self.deform, 0.01)):  # authors' code
            stream = generator(seed, type(self).__name__, tower, type(layer).__name__)
            nn.init.normal_(layer.weight, std=std, generator=stream)

    def forward(self, x: Tensor, shape: Tensor) -> Tensor:
        """x (B, channels, height, width), shape (B, 2, height, width) -> as x, float32."""
        # Under autocast, too: offsets in bfloat16 have coarse steps, and on a CPU torchvision's operator lacks it.
        with full_precision(x.device):
            return self.activation(self.deform(x.float(), self.offset(shape.float())))
