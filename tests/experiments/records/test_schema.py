"""The records of a run and of a table: what is written comes back equal, what does not fit is refused by name."""

import inspect
import json
import re
from dataclasses import is_dataclass, replace

import pytest

from experiments.records import schema, table_schema
from experiments.records.files import FORMAT, RecordError, hash_of, read_record, write_record
from experiments.records.run_folder import RunFolder, read_table, tables_in, write_table
from experiments.records.schema import Curve, CurvePoint, Failure, StepRow
from experiments.records.table_schema import Attribution, Claim
from tests.sample_records import result, run_record, table_record

RUN, RESULT, TABLE = run_record(), result(), table_record()
POINT = CurvePoint(6, {"AP": 0.25, "APs": None})
CLAIM = Claim("2.x", "difference", ("FCOS",), ("SAPD",), ("coco",), ("AP",), 2.0, 1.0, "text")
SWAPPED = Attribution("SAPD", "FCOS", ("assignment",), ("FCOS", "SAPD"), kept=("box loss",))
EXAMPLES = (
    *(RUN, RUN.protocol, RUN.data["train"], RESULT, RESULT.priors, result(ap=None)),
    *(Failure(reason="killed", kind="transient", tries=2), StepRow(3, {"loss": 1.5, "bad_images": 0, "norm": None})),
    *(Curve((POINT, replace(POINT, step=12))), Curve(), POINT),
    *(TABLE, TABLE.columns[1], TABLE.rows[0], TABLE.rows[1], TABLE.rows[0].entries["main"]),
    *(replace(TABLE, profile=""), replace(TABLE, claims=(CLAIM,), recipe="1a2b", overrides=("a=1",)), CLAIM),
    *(replace(TABLE, attributions=(SWAPPED,)), SWAPPED),
)


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: type(record).__name__)
def test_a_record_comes_back_equal(tmp_path, record):
    write_record(tmp_path / "record", record)
    assert read_record(tmp_path / "record", type(record), "") == record


def test_every_record_has_an_example():
    members = [
        (module, kind) for module in (schema, table_schema) for _, kind in inspect.getmembers(module, is_dataclass)
    ]
    kinds = {kind for module, kind in members if kind.__module__ == module.__name__}
    assert {type(example) for example in EXAMPLES} == kinds and len(kinds) == 15


def test_the_files_of_a_run_and_of_a_table_come_back_equal(tmp_path):
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.write_run(RUN)
    folder.write_result(RESULT)
    folder.write_failed("killed", "transient")
    folder.write_curve([POINT])
    assert (folder.read_run(), folder.read_result()) == (RUN, RESULT)
    assert folder.read_failed() == Failure(reason="killed", kind="transient", tries=1)
    assert folder.read_curve() == [POINT]
    assert read_table(write_table(tmp_path, TABLE)) == TABLE


def test_tables_come_by_number_and_profile(tmp_path):
    assert tables_in(tmp_path) == []
    tables = [replace(TABLE, number=number, profile=profile) for number, profile in ((2, "cpu"), (2, "full"), (10, ""))]
    for table in tables[::-1]:
        write_table(tmp_path, table)
    assert tables_in(tmp_path) == tables
    names = ["cpu-table2.json", "full-table2.json", "table10.json"]
    assert sorted(path.name for path in (tmp_path / "tables").iterdir()) == names


def test_what_is_derived_follows_from_the_fields():
    assert (RUN.assigner, RUN.dataset, RUN.seed, RUN.settings) == ("fcos", "shapes", 0, {"radius": 1.5})
    changed = run_record({"settings": {"radius": 2.0, "new": 1}})
    assert RUN.changed == {} and changed.changed == {"radius": 2.0, "new": 1}
    assert RUN.options == {
        "dataset": "shapes", "data.short": "[128]", "model.backbone": "resnet18",
        "schedule.iterations": "200", "schedule.milestones": "[0.5, 0.75]",
    }  # fmt: skip
    assert (RESULT.ap, TABLE.name, TABLE.entries) == (0.5, "cpu-table2", ["main"])
    assert TABLE.first("main").name == "AP" and TABLE.first("none") is None
    assert TABLE.rows[1].declared == {"a", "b"}


def test_runs_that_may_be_compared_have_one_hash():
    same = ({"seed": 3}, {"assigner": "atss"}, {"settings": {}}, {"data": {"short": [128], "workers": 0, "root": "x"}})
    assert {run_record(recipe).common_hash for recipe in same} == {RUN.common_hash}
    others = [run_record({"model": {"backbone": "resnet50"}}), run_record({"data": {"short": [64]}})]
    others.append(run_record(data={"train": replace(RUN.data["train"], digest="another")}))
    assert len({RUN.common_hash, *(record.common_hash for record in others)}) == 4
    assert RUN.common_hash != hash_of(RUN.common)  # the data are in it, too


READ = {
    "run.json": (RUN, lambda folder: RunFolder(folder).read_run(), "Make the run again: its command with --force."),
    "done": (RESULT, lambda folder: RunFolder(folder).read_result(), "Make the run again: its command with --force."),
    "failed": (EXAMPLES[6], lambda folder: RunFolder(folder).read_failed(), "Remove the file."),
    "curve.json": (
        Curve((POINT,)), lambda folder: RunFolder(folder).read_curve(), "Make the run again: its command with --force.",
    ),
    "cpu-table2.json": (
        replace(TABLE, claims=(CLAIM,)), lambda folder: read_table(folder / "cpu-table2.json"),
        "Make it again: run.py --tables.",
    ),
}  # fmt: skip


def damaged(folder, name, change):
    """The reader's complaint about a file whose values were changed."""
    record, read, _ = READ[name]
    write_record(folder / name, record)
    values = json.loads((folder / name).read_text())
    change(values)
    (folder / name).write_text(json.dumps(values))
    with pytest.raises(RecordError) as error:
        read(folder)
    return str(error.value)


@pytest.mark.parametrize("other", [None, 1, FORMAT + 1, "2"])
@pytest.mark.parametrize("name", READ)
def test_a_file_of_another_form_is_named_with_what_to_do(tmp_path, name, other):
    """None: as it was before the files had a format."""
    sentence = damaged(tmp_path, name, lambda v: v.pop("format") if other is None else v.update(format=other))
    assert sentence == f"{tmp_path / name} was written by another version of AssignBench. {READ[name][2]}"


def test_a_record_without_claims_is_still_read(tmp_path):
    write_record(tmp_path / "t.json", TABLE)
    values = json.loads((tmp_path / "t.json").read_text())
    for name in ("claims", "recipe", "overrides", "tuned"):
        values.pop(name)
    values["rows"] = [{k: v for k, v in row.items() if k != "reading_of"} for row in values["rows"]]
    (tmp_path / "t.json").write_text(json.dumps(values))
    assert read_table(tmp_path / "t.json") == TABLE


WRONG = [
    ("run.json", lambda v: v.update(iterations="200"), r"\$\.iterations"),
    ("run.json", lambda v: v.pop("backbone"), "`backbone`"),
    ("run.json", lambda v: v["data"]["val"].update(images=None), r"\$\.data\[\.\.\.\]\.images"),
    ("run.json", lambda v: v["recipe"].pop("seed"), "seed"),
    ("run.json", lambda v: v["recipe"].update(seed="0"), "seed"),
    ("run.json", lambda v: v.update(steps=0), "steps"),
    ("run.json", lambda v: v.update(head_differs={"offset": [1]}), r"\$\.head_differs"),
    ("done", lambda v: v["metrics"].update(AP="high"), r"\$\.metrics"),
    ("done", lambda v: v["metrics"].pop("APs"), "APs"),
    ("done", lambda v: v.pop("train_seconds"), "`train_seconds`"),
    ("done", lambda v: v.update(priors=3), r"\$\.priors"),
    ("failed", lambda v: v.update(kind="own"), r"\$\.kind"),
    ("failed", lambda v: v.update(tries=1.5), r"\$\.tries"),
    ("curve.json", lambda v: v["points"][0].pop("step"), "`step`"),
    ("curve.json", lambda v: v.update(points=3), r"\$\.points"),
    ("cpu-table2.json", lambda v: v.update(rows={}), r"\$\.rows"),
    ("cpu-table2.json", lambda v: v["rows"][0]["entries"]["main"].update(runs={"one": "id"}), "runs"),
    ("cpu-table2.json", lambda v: v["rows"][0].update(name="SAPD"), "two rows have one name"),
    ("cpu-table2.json", lambda v: v["rows"][1].update(against="FCOS*"), r"no row 'FCOS\*' to compare with"),
    ("cpu-table2.json", lambda v: v["claims"][0].update(worse=["ATSS"]), "a claim is of the row 'ATSS'"),
    ("cpu-table2.json", lambda v: v["claims"][0].update(kind="ratio"), r"\$\.claims"),
    ("cpu-table2.json", lambda v: v.update(recipe="../up"), r"the recipe '\.\./up' cannot name a file"),
    ("cpu-table2.json", lambda v: v.update(profile="../../up"), r"the profile '\.\./\.\./up' cannot name a file"),
    ("cpu-table2.json", lambda v: v.update(head="../../up"), r"the head '\.\./\.\./up' cannot name a file"),
]


@pytest.mark.parametrize(("name", "change", "field"), WRONG)
def test_a_wrongly_typed_record_is_one_line_with_its_field_and_what_to_do(tmp_path, name, change, field):
    sentence = damaged(tmp_path, name, change)
    assert sentence.startswith(f"Cannot read {tmp_path / name}: ") and sentence.endswith(READ[name][2])
    assert "\n" not in sentence
    assert re.search(field, sentence)
