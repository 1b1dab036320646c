"""The head that an assigner gets: its own, or parts of its style from the reference's, the same for all methods."""

from __future__ import annotations

from dataclasses import replace

import assigners
from assigners.assigner import Assigner
from assigners.interface import HeadSpec
from detector.config import DetectorConfig

FIELDS = {  # part of the style -> its fields
    "norm": ("norm",),
    "offset": ("offset",),
    "p6": ("p6_from",),
    "bias": ("prior_prob", "box_bias"),
    "score": ("score", "nms_iou"),
}


def head_spec(assigner: Assigner, config: DetectorConfig) -> HeadSpec:
    """Controlled mode keeps what the assignment itself needs: priors, coder and branches."""
    spec = assigner.spec()
    if config.mode == "native":
        return spec
    reference = assigners.build(config.reference, 1).head.style
    taken = {name: getattr(reference, name) for part in config.parts for name in FIELDS[part]}
    return replace(spec, style=replace(spec.style, **taken))
