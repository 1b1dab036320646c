"""What a profile searches for each method (`search:`): the settings, the seeds, the images and the rounds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import log2
from typing import Annotated, Any

from assigners.ranges import SEED, Items
from experiments.recipes.typed import build_typed
from experiments.runtime.errors import UserError

HALF = 2  # of the settings that a round has, the better half goes on


@dataclass(frozen=True)
class Search:
    """The same for every method."""

    dataset: str  # the paper's; the profile says what stands for it
    settings: Annotated[tuple[str, ...], Items(least=2, distinct=True)]  # key=value, several apart by spaces
    seeds: Annotated[tuple[Annotated[int, SEED], ...], Items(least=2, distinct=True)]  # that no table uses
    set: tuple[str, ...]  # key=value: from where the images come

    @property
    def keys(self) -> tuple[str, ...]:
        """Of the recipe, that are searched."""
        return tuple(word.partition("=")[0] for word in self.settings[0].split())

    @property
    def unit(self) -> int:
        """Seeds of a round."""
        return len(self.seeds) // len(self.settings)

    @property
    def runs(self) -> int:
        """Of each method."""
        return sum(self.sizes) * self.unit

    @property
    def sizes(self) -> tuple[int, ...]:
        """Settings that get the seeds of each round, at rounds 1 to n: n, then n / 2 until 2, n / 4 until 4, ..."""
        n = len(self.settings)
        return tuple(n // HALF ** (n_before.bit_length()) for n_before in range(n))

    @property
    def rule(self) -> str:
        """A sentence."""
        n = len(self.settings)
        stages = [f"{n // HALF**k} to {HALF**k * self.unit}" for k in range(round(log2(n)) + 1)]
        return (
            f"{', '.join(self.keys)} of each method by the same search: {n} settings, halved by their mean AP "
            f"({', '.join(stages)} seeds), {self.runs} runs a method, on seeds and images that no table scores"
        )


def parse_search(values: Any, where: str) -> Search:
    """Of a profile. Raises UserError for one that does not come out even."""
    search = build_typed(Search, values, f"{where}: search")
    n = len(search.settings)
    if n & (n - 1) or len(search.seeds) % n:
        raise UserError(
            f"{where}: search has {n} settings and {len(search.seeds)} seeds. It halves the settings until one has all "
            "seeds: give 2, 4, 8 or 16 settings, and as many seeds or a multiple."
        )
    for setting in search.settings:
        if not all(equals for _, equals, _ in (word.partition("=") for word in setting.split())):
            raise UserError(f"{where}: search: the setting '{setting}' must be key=value.")
        if tuple(word.partition("=")[0] for word in setting.split()) != search.keys:
            raise UserError(f"{where}: search: '{setting}' sets other keys than '{search.settings[0]}'.")
    return search


def read_methods(values: Any, where: str) -> dict[str, tuple[str, ...]]:
    """Of a profile: method -> the settings that the search chose for it. Raises UserError."""
    if not isinstance(values, dict) or not all(_is_words(words) for words in values.values()):
        raise UserError(f"{where}: methods must be METHOD: [KEY=VALUE, ...], a line for each, got {values!r:.60}.")
    return {method: tuple(words) for method, words in values.items()}


def _is_words(words: object) -> bool:
    return isinstance(words, list) and all(isinstance(word, str) and "=" in word for word in words)


def without(words: Iterable[str], keys: Iterable[str]) -> tuple[str, ...]:
    """Those key=value that set none of the keys."""
    return tuple(word for word in words if word.partition("=")[0] not in keys)
