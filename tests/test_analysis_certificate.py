"""The certificate: what rows share by hash, what breaks it, and the full list of what differs."""

import json

import pytest

from tests.synthetic import record, result, row, spec, write
from tests.test_analysis_tables import built


def certificate(tmp_path, a=None, b=None, **of):
    ids = {}
    for name, more in (("a", a), ("b", b)):
        write(tmp_path, name, record(shared=more, **(of if name == "b" else {})), result(0.2))
        ids[name] = {0: name}
    (found,) = built(tmp_path, spec(row("a", ids["a"]), row("b", ids["b"]))).certificates
    return found


def test_a_fair_table_lists_what_differs(tmp_path):
    found = certificate(
        tmp_path, {"P6 weights, from C5": "x"}, {"P6 weights, from P5": "y"}, assigner="fcos", settings={"radius": 1.5}
    )
    assert found.broken == ()
    said = {d.what: d.values for d in found.differences}
    assert said["method"] == (("autoassign", ("a",)), ("fcos", ("b",)))
    assert said["head: prior_prob"] == (("0.02", ("a",)), ("0.01", ("b",)))
    assert said["settings"] == (("-", ("a",)), ("radius=1.5", ("b",)))
    assert "P6 weights, from C5" in said


@pytest.mark.parametrize("name", ["data order", "backbone weights"])
def test_a_hash_that_differs_breaks_the_certificate(tmp_path, name):
    found = certificate(tmp_path, None, {name: "another"})
    assert len(found.broken) == 1 and name in found.broken[0] and "another in b" in found.broken[0]


def test_a_record_without_hashes_is_no_proof(tmp_path):
    certificate(tmp_path)
    values = json.loads((tmp_path / "b" / "run.json").read_text())
    del values["shared"]
    write(tmp_path, "b", values, result(0.2))
    (found,) = built(tmp_path, spec(row("a", {0: "a"}), row("b", {0: "b"}))).certificates
    assert len(found.broken) == 1 and "no hashes" in found.broken[0]


def test_two_protocols_are_not_fair(tmp_path):
    certificate(tmp_path)
    write(tmp_path, "b", record(), result(0.2, protocol="voc07"))
    (found,) = built(tmp_path, spec(row("a", {0: "a"}), row("b", {0: "b"}))).certificates
    assert "different protocols" in found.broken[0]
