"""The claims of a table after the looks that its runs allow: verdicts, intervals, and the seeds that are expected.

All follows from the records, so that whoever asks again, after a crash too, gets the same answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from analysis.claims import terms_of
from analysis.expected_seeds import Need, expected_seeds, settled
from analysis.rule import OPEN, WORDS, Estimates, Margins, estimates, judged
from analysis.runs import Run
from analysis.stats import LEVEL, SPENT
from experiments.records.decision_schema import ClaimState, TableStates
from experiments.records.table_schema import Claim, TableRecord

Cell = tuple[str, str, tuple[str, ...]]  # row, entry, metrics


@dataclass(frozen=True)
class Differences:
    """Of a claim."""

    claim: Claim
    weights: dict[Cell, float]
    by_seed: dict[int, float] = field(default_factory=dict)  # AP, percent
    complete: bool = True  # no run of a seed that all its rows were given lacks a result

    def of(self, seeds: list[int]) -> np.ndarray:
        return np.array([self.by_seed[seed] for seed in seeds if seed in self.by_seed])


def table_states(table: TableRecord, runs: dict[str, Run], looks: tuple[int, ...]) -> TableStates:
    """runs: by id; looks: numbers of seeds, rising."""
    claims = [_differences(table, claim, runs) for claim in table.claims if _can_run(table, claim)]
    states = _States(claims, looks, sorted({s for r in table.rows for e in r.entries.values() for s in e.runs}))
    answers = {item.claim.id: states.of(i) for i, item in enumerate(claims)}
    rows = {cell[:2]: None for item in claims if answers[item.claim.id].is_open for cell in item.weights}
    nothing = [ClaimState(claim.id, "no result", 0, 0, False) for claim in table.claims if claim.kind != "summary"]
    return TableStates(table.name, tuple(rows), tuple(answers.get(state.id, state) for state in nothing))


def weights_of(table: TableRecord, claim: Claim) -> dict[Cell, float]:
    """Of the AP whose weighted sum is the claim's difference."""
    entry, weights = table.entry_of(claim.dataset[0]), {}
    for term in terms_of(claim):
        cell = (term.row, entry, term.metrics)
        weights[cell] = weights.get(cell, 0.0) + term.weight
    return weights


def _can_run(table: TableRecord, claim: Claim) -> bool:
    """Known before any run: a claim that cannot has no share of the table's error rate."""
    entries = {row.name: row.entries for row in table.rows}
    key = table.entry_of(claim.dataset[0])
    return claim.kind != "summary" and all(
        key in entries[name] and entries[name][key].runs for name in (*claim.better, *claim.worse)
    )


def _differences(table: TableRecord, claim: Claim, runs: dict[str, Run]) -> Differences:
    weights, rows = weights_of(table, claim), {row.name: row for row in table.rows}
    cells = {cell: dict(_percents(rows[cell[0]].entries[cell[1]].runs, cell[2], runs)) for cell in weights}
    seeds = set.intersection(*(set(by_seed) for by_seed in cells.values()))
    given = set.intersection(*(set(rows[row].entries[entry].runs) for row, entry, _ in weights))
    by_seed = {s: sum(w * cells[cell][s] for cell, w in weights.items()) for s in seeds}
    return Differences(claim, weights, by_seed, given <= seeds)


def _percents(by_seed: dict[int, str], metrics: tuple[str, ...], runs: dict[str, Run]) -> Iterator[tuple[int, float]]:
    """Seed and mean of the metrics, of the runs that have them all."""
    for seed, name in by_seed.items():
        values = [runs[name].percent(metric) if name in runs else None for metric in metrics]
        if None not in values:
            yield seed, sum(values) / len(values)


class _States:
    """The looks, taken one after the other."""

    def __init__(self, claims: list[Differences], looks: tuple[int, ...], seeds: list[int]):
        self.claims, count = claims, len(claims)
        self.margins = Margins(
            np.array([item.claim.margin for item in claims]),
            np.array([item.claim.kind == "minor difference" for item in claims], bool),
        )
        cells = list(dict.fromkeys(cell for item in claims for cell in item.weights))
        matrix = np.array([[item.weights.get(cell, 0.0) for cell in cells] for item in claims])
        self.independent = int(np.linalg.matrix_rank(matrix)) if count else 0
        self.codes, self.half = np.full(count, OPEN), np.full(count, np.inf)
        self.mean, self.look, self.seeds = np.zeros(count), np.zeros(count, int), np.zeros(count, int)
        self.ready, self.now = np.zeros(count, bool), self._estimates(seeds)
        for look, number in enumerate(looks, 1):
            self._take(look, looks, seeds[:number], number)

    def _estimates(self, seeds: list[int]) -> Estimates:
        values = [item.of(seeds) for item in self.claims]
        own = [v.var(ddof=1) if len(v) > 1 else 0.0 for v in values]
        means = [v.mean() if len(v) else 0.0 for v in values]
        return estimates(np.array([means]), np.array([own]), np.array([len(v) for v in values]), self.independent)

    def _take(self, look: int, looks: tuple[int, ...], seeds: list[int], number: int) -> None:
        """Nothing where no open claim has all seeds of the look."""
        ready = np.array([len(item.of(seeds)) == number for item in self.claims], bool) & (self.codes == OPEN)
        if not ready.any():
            return
        self.now, before, self.ready = self._estimates(seeds), self.codes, ready
        codes, half = judged(self.now, ready, before[None], self.margins, look, looks)
        self.codes = codes[0]
        self.half, self.mean = np.where(ready, half[0], self.half), np.where(ready, self.now.mean[0], self.mean)
        self.look, self.seeds = np.where(ready, look, self.look), np.where(ready, number, self.seeds)

    def of(self, i: int) -> ClaimState:
        claim, looked = self.claims[i].claim, self.look[i] > 0
        is_open = bool(self.ready[i] and self.codes[i] == OPEN) and self.claims[i].complete
        mean, half = (float(self.mean[i]), float(self.half[i])) if looked else (None, np.inf)
        return ClaimState(
            id=claim.id,
            verdict=WORDS[self.codes[i]],
            look=int(self.look[i]),
            seeds=int(self.seeds[i]),
            is_open=is_open,
            mean=mean,
            low=mean - half if np.isfinite(half) else None,
            high=mean + half if np.isfinite(half) else None,
            **self._expected(i, claim, mean if is_open else None),
        )

    def _expected(self, i: int, claim: Claim, mean: float | None) -> dict[str, int | None]:
        """By name of the field; nothing where the table's noise is not known. mean: of an open claim."""
        freedom, still_open = float(self.now.freedom[0, i]), max(1, int((self.codes == OPEN).sum()))
        if not freedom:
            return {}
        need = Need(float(self.now.variance[0, i]), freedom, int(self.now.seeds[i]), SPENT * LEVEL / still_open)
        minor = claim.kind == "minor difference"
        seeds = asdict(expected_seeds(need, claim.published, claim.margin, minor))
        return seeds | {"settled": None if mean is None else settled(need, mean, claim.margin, minor)}
