"""Feature pyramid P3..P7. Lin et al. 2017; the two extra levels as in RetinaNet."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import interpolate

from detector.streams import convolutions


class FPN(nn.Module):
    """C3, C4, C5 -> P3..P7, all `width` channels wide; P6 comes from C5 or from P5."""

    def __init__(self, channels: list[int], width: int, p6_from: str, seed: int):
        super().__init__()
        self.p6_from = p6_from
        self.lateral = nn.ModuleList(nn.Conv2d(c, width, 1) for c in channels)
        self.smooth = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in channels)
        self.p6 = nn.Conv2d(channels[-1] if p6_from == "c5" else width, width, 3, stride=2, padding=1)
        self.p7 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        for conv, stream in convolutions(self, seed):
            nn.init.kaiming_uniform_(conv.weight, a=1, generator=stream)
            nn.init.zeros_(conv.bias)

    def forward(self, features: list[Tensor]) -> list[Tensor]:
        merged = [lateral(c) for lateral, c in zip(self.lateral, features, strict=True)]
        for fine, coarse in ((1, 2), (0, 1)):
            merged[fine] = merged[fine] + interpolate(merged[coarse], size=merged[fine].shape[-2:], mode="nearest")
        levels = [smooth(p) for smooth, p in zip(self.smooth, merged, strict=True)]
        p6 = self.p6(features[-1] if self.p6_from == "c5" else levels[-1])
        return [*levels, p6, self.p7(p6.relu())]
