"""What made-up runs say of claims: the verdicts, the seeds that are needed, the command."""

import json
from dataclasses import replace

import numpy as np
import pytest

from analysis import decide
from experiments.records.decision_schema import LOOKS, RULE, Decisions, decisions_path, write_decisions
from experiments.records.files import hash_of
from experiments.records.run_folder import RunFolder, write_table
from experiments.records.table_schema import Claim, ColumnRecord, EntryRecord, RowRecord, TableRecord
from tests.sample_records import result, run_record

AP = {"worst": 10.0, "base": 20.0, "same": 20.05, "near": 21.0, "cannot": 0.0}  # percent


def claim(better: str, worse: str, kind: str = "difference", **changes) -> Claim:
    made = Claim(f"{better}-{worse}", kind, (better,), (worse,), ("coco",), ("AP",), 2.0, 1.0, "table only")
    return replace(made, **changes)


CLAIMS = (
    claim("base", "worst"),
    claim("worst", "base"),
    claim("same", "base"),
    claim("near", "base", margin=0.3),
    claim("same", "base", "minor difference", id="minor"),
    replace(claim("", "", "difference of differences", id="twice"), better=("near", "base"), worse=("base", "worst")),
    claim("cannot", "base"),
    claim("base", "worst", "summary", id="all", margin=None),
)


def write(runs, seeds: int, noise: float = 0.1, skip: tuple = ()) -> TableRecord:
    """A table whose rows have their AP and noise over seeds; `skip`: (row, seed) without a result."""
    g, rows = np.random.default_rng(0), []
    drawn = {name: AP[name] + noise * g.standard_normal(20) for name in AP}
    for name, aps in drawn.items():
        ids = {seed: f"{name}-{seed}" for seed in range(seeds) if name != "cannot"}
        rows.append(RowRecord(name, "fcos", "", "", "", {"main": EntryRecord("shapes", "coco", ids)}))
        for seed in ids:
            folder = RunFolder(runs / ids[seed])
            folder.path.mkdir(parents=True, exist_ok=True)
            folder.write_run(run_record(id=ids[seed]))
            if (name, seed) not in skip:
                folder.write_result(result(aps[seed] / 100))
    table = TableRecord(2, "Settings", "cpu", "x", (ColumnRecord("AP", "main", "AP"),), tuple(rows), CLAIMS)
    write_table(runs, table)
    looked(runs, table, LOOKS)
    return table


def looked(runs, table: TableRecord, looks: tuple[int, ...], recipe: str = "") -> None:
    """As a grid records that it adds seeds by looks."""
    first = hash_of([entry.runs.get(0, "") for row in table.rows for entry in row.entries.values()])
    path = decisions_path(runs / "tables", table.name)
    write_decisions(path, Decisions(recipe or first, looks, RULE))


def states(runs) -> dict:
    return {state.id: state for state in decide.answer(runs, runs / "tables").tables[0].claims}


def test_each_verdict_falls_where_it_belongs(tmp_path):
    write(tmp_path, 3, noise=0.02)
    judged = states(tmp_path)
    assert {name: state.verdict for name, state in judged.items()} == {
        "base-worst": "confirmed",
        "worst-base": "contradicted",
        "same-base": "equivalent",
        "near-base": "confirmed",
        "minor": "confirmed",
        "twice": "contradicted",  # 1 less 10
        "cannot-base": "no result",
    }
    assert judged["twice"].mean == pytest.approx(-9, abs=0.5)
    assert all(state.look == 1 and state.seeds == 3 and not state.is_open for state in judged.values() if state.mean)


def test_before_the_first_look_no_claim_is_judged_but_the_noise_tells_the_seeds(tmp_path):
    write(tmp_path, 2)
    state = states(tmp_path)["base-worst"]
    assert (state.verdict, state.look, state.is_open) == ("inconclusive", 0, False)
    assert state.confirmed >= 2 and state.settled is None


def test_more_noise_leaves_claims_open_and_says_how_many_seeds_would_settle_them(tmp_path):
    write(tmp_path, 3, noise=0.6)
    table = decide.answer(tmp_path, tmp_path / "tables").tables[0]
    judged = {state.id: state for state in table.claims}
    assert judged["base-worst"].verdict == "confirmed" and judged["same-base"].is_open
    assert judged["same-base"].settled is None or judged["same-base"].settled > 3
    assert ("same", "main") in table.rows and ("worst", "main") not in table.rows
    assert judged["same-base"].confirmed > judged["base-worst"].seeds


def test_a_verdict_stays_whatever_later_seeds_say(tmp_path):
    write(tmp_path, 3, noise=0.6)
    early = states(tmp_path)
    write(tmp_path, 10, noise=0.6)
    late = states(tmp_path)
    decided = [name for name, state in early.items() if state.verdict not in ("inconclusive", "no result")]
    assert decided and all(
        (late[n].verdict, late[n].look, late[n].mean) == (early[n].verdict, 1, early[n].mean) for n in decided
    )
    assert all(late[n].look == len(LOOKS) for n in early if early[n].is_open and late[n].verdict == "inconclusive")


def test_a_claim_without_all_runs_of_a_look_waits(tmp_path):
    write(tmp_path, 5, noise=0.6, skip=(("same", 4),))
    state = states(tmp_path)["same-base"]
    assert (state.seeds, state.look, state.is_open) == (3, 1, False)


def test_a_claim_whose_runs_of_the_next_look_all_failed_is_not_open_again(tmp_path):
    rows = [(name, seed) for name in AP for seed in (3, 4)]
    write(tmp_path, 5, noise=0.6, skip=tuple(rows))
    assert not any(state.is_open for state in states(tmp_path).values())


def test_the_looks_are_those_that_the_grid_fixed(tmp_path):
    table = write(tmp_path, 4)
    looked(tmp_path, table, (2, 4))
    assert states(tmp_path)["base-worst"].seeds == 2


def test_without_decisions_on_these_runs_all_seeds_count_once(tmp_path):
    table = write(tmp_path, 4, noise=0.6)
    by_looks = states(tmp_path)["same-base"]
    looked(tmp_path, table, LOOKS, recipe="of other runs")
    once = states(tmp_path)["same-base"]
    assert (by_looks.seeds, once.seeds, once.look) == (3, 4, 1)
    assert once.high - once.low < by_looks.high - by_looks.low


def test_the_command_prints_lines_or_json_or_a_sentence(tmp_path, typed):
    write(tmp_path, 3)
    code, out, _ = typed(decide, tmp_path)
    assert code == 0 and "base-worst: confirmed at 3 seeds, +10." in out
    code, out, _ = typed(decide, tmp_path, "--json")
    assert code == 0 and json.loads(out)["tables"][0]["claims"][0]["verdict"] == "confirmed"
    code, _, err = typed(decide, tmp_path, "--tables", tmp_path / "none")
    assert code == 2 and err.startswith("error: No table in") and err.count("\n") == 1
