"""Float32 within a network that runs under autocast."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def full_precision(device: torch.device) -> AbstractContextManager:
    """No autocast in it. The meta device, which computes sizes alone, has none to end."""
    return nullcontext() if device.type == "meta" else torch.autocast(device.type, enabled=False)
