"""The weights that are evaluated: those of the last step, or a moving average of all (`schedule.average`)."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

FIRST = 10  # steps: the average keeps at most (1 + n) / (FIRST + n) of itself, so that it leaves the initial weights


@dataclass
class Average:
    """The model that is trained, beside its average."""

    trained: nn.Module
    decay: float = 0.0  # share that the average keeps a step; 0: there is none
    copy: AveragedModel | None = field(init=False)

    def __post_init__(self):
        self.copy = AveragedModel(self.trained, multi_avg_fn=self._step) if self.decay else None
        if self.copy:
            self.copy.n_averaged = self.copy.n_averaged.cpu()  # read at every step, which must not wait for a device

    @property
    def evaluated(self) -> nn.Module:
        return self.copy.module if self.copy else self.trained

    def update(self) -> None:
        """After a step of the optimiser."""
        if self.copy:
            self.copy.update_parameters(self.trained)

    def finish(self) -> None:
        """After the last step: the model itself gets the average."""
        if self.copy:
            self.trained.load_state_dict(self.copy.module.state_dict())

    def state(self) -> dict[str, Tensor]:
        """For a checkpoint; {} without an average."""
        return self.copy.state_dict() if self.copy else {}

    def load(self, state: dict[str, Tensor], step: int) -> None:
        """What `state` gave after `step` steps; {}: after the end. Raises RuntimeError or ValueError for another's."""
        if not state:
            return
        if self.copy is None:
            raise ValueError("weights averaged")
        self.copy.load_state_dict(state)
        if self.copy.n_averaged != step:
            raise ValueError(f"{int(self.copy.n_averaged)} steps averaged of {step}")

    @torch.no_grad()
    def _step(self, average: list[Tensor], trained: list[Tensor], _: Tensor) -> None:
        """average <- decay * average + (1 - decay) * trained. The number of updates comes as it is on the device."""
        n = int(self.copy.n_averaged)
        decay = min(self.decay, (1 + n) / (FIRST + n))
        torch._foreach_lerp_(average, trained, 1 - decay)
