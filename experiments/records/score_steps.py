"""Equal steps of the scores, stretched to 0..1 over the set: where WIDER FACE's official curve is read."""

from __future__ import annotations

import numpy as np


def stretched(score: np.ndarray) -> np.ndarray:
    """(D,) float64 in 0..1; all 1 where they are equal, which eval_tools divides by zero."""
    score = score.astype(np.float64)  # as the official tool: differences of float32 would tie some
    low, high = score.min(initial=np.inf), score.max(initial=-np.inf)
    return (score - low) / (high - low) if high > low else np.ones_like(score)


def step_counts(falling: np.ndarray, steps: int) -> np.ndarray:
    """(steps,) how many of the falling stretched scores reach 1 - 1/steps, 1 - 2/steps, ... 0."""
    return np.searchsorted(-falling, -(1 - np.arange(1, steps + 1) / steps), "right")
