"""The fields of an annotation, each with its range: what a reader checks, and what its sentence says."""

from __future__ import annotations

import re
from dataclasses import dataclass

from experiments.data.parsing.json_errors import brief
from experiments.runtime.errors import UserError

NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d{1,3})?", re.ASCII)


@dataclass(frozen=True)
class Field:
    """A number of an annotation that is written as text."""

    name: str  # as the file has it
    low: float
    high: float
    unit: str = ""
    whole: bool = False
    default: float | None = None  # where the file leaves the field out; None: it must be there
    words: tuple[tuple[str, float], ...] = ()  # what some tools write in the place of the number
    tolerance: float = 0.0  # of sums that a tool rounded

    @property
    def range(self) -> str:
        """In words."""
        kind = "a whole number" if self.whole else "a finite number"
        words = "".join(f", or {word}" for word, _ in self.words)
        return f"{kind} from {self.low:.8g} to {self.high:.8g}{self.unit and f' {self.unit}'}{words}"

    def read(self, text: str | None, where: str) -> float:
        """Of what the file says, None for nothing. Raises UserError, naming `where`, value and range."""
        if text is None and self.default is not None:
            return self.default
        shown = "missing" if text is None else brief(text.strip())
        value = dict(self.words).get(str(text).strip().lower(), _number(text))
        if value is None or not self.low - self.tolerance <= value <= self.high + self.tolerance:
            raise UserError(f"{where}: {self.name} is {shown}; it must be {self.range}.")
        if self.whole and value % 1:
            raise UserError(f"{where}: {self.name} is {shown}; it must be {self.range}.")
        return value


def _number(text: str | None) -> float | None:
    text = (text or "").strip()
    return float(text) if NUMBER.fullmatch(text) else None
