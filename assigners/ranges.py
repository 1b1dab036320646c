"""What a setting may be, written on the field itself: Annotated[float, Range(0, 1, "probability")].

It is read where a recipe is loaded, in every message about a value, by --print-config and by SETTINGS.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import inf
from sys import float_info
from typing import Any, Literal


@dataclass(frozen=True)
class Range:
    """Limits of a number and its unit; NaN and infinity are never in it."""

    low: float
    high: float  # inf: none
    unit: str
    ends: Literal["[]", "(]", "[)", "()"] = "[]"  # a round one: that limit itself is not permitted
    zero: str = ""  # what 0 means, where it is permitted outside of the limits

    def holds(self, value: float) -> bool:
        if self.zero and value == 0:
            return True
        above = value > self.low if self.ends[0] == "(" else value >= self.low
        below = value < self.high if self.ends[1] == ")" else value <= self.high
        return above and below and abs(value) <= float_info.max

    @property
    def words(self) -> str:
        """Without the unit."""
        least = f"above {self.low}" if self.ends[0] == "(" else f"{self.low} or more"
        most = f"below {self.high}" if self.ends[1] == ")" else f"at most {self.high}"
        both = f"{self.low} to {self.high}" if self.ends == "[]" else f"{least}, {most}"
        return (least if self.high == inf else both) + (f", or 0 for {self.zero}" if self.zero else "")

    def __str__(self) -> str:
        return f"{self.words} ({self.unit})"


SEED = Range(0, 2**63 - 1, "number")  # of random streams: torch's generators take no larger one


@dataclass(frozen=True)
class Items:
    """What a list must be, beside what each of its items is."""

    least: int = 0  # how many
    most: float = inf
    rising: bool = False
    distinct: bool = False

    def holds(self, values: tuple[Any, ...]) -> bool:
        rises = not self.rising or all(a < b for a, b in pairwise(values))
        differs = not self.distinct or len(set(values)) == len(values)
        return self.least <= len(values) <= self.most and rises and differs

    def __str__(self) -> str:
        rules = {
            f"{self.least} or more of them": self.least,
            f"at most {self.most} of them": self.most < inf,
            "each above the one before": self.rising,
            "none twice": self.distinct,
        }
        return ", ".join(rule for rule, holds in rules.items() if holds)


@dataclass(frozen=True)
class Text:
    """A text that says something."""

    def holds(self, value: str) -> bool:
        return bool(value.strip())

    def __str__(self) -> str:
        return "not empty"


Limit = Range | Items | Text
