"""The certificate: what rows share by hash, what breaks it, and the full list of what differs."""

from dataclasses import replace

import pytest

from tests.synthetic import built, record, result, row, table_of, write_run


def certificate(tmp_path, a=None, b=None, **changes):
    ids = {}
    for name, hashes in (("a", a), ("b", b)):
        write_run(tmp_path, name, record(shared=hashes, **(changes if name == "b" else {})), result(0.2))
        ids[name] = {0: name}
    (proof,) = built(tmp_path, table_of(row("a", ids["a"]), row("b", ids["b"]))).certificates
    return proof


def test_a_fair_table_lists_what_differs(tmp_path):
    proof = certificate(
        tmp_path, {"P6 weights, from C5": "x"}, {"P6 weights, from P5": "y"}, assigner="fcos", settings={"radius": 1.5}
    )
    assert proof.broken == ()
    differences = {d.name: d.values for d in proof.differences}
    assert differences["method"] == (("autoassign", ("a",)), ("fcos", ("b",)))
    assert differences["head: prior_prob"] == (("0.02", ("a",)), ("0.01", ("b",)))
    assert differences["settings"] == (("-", ("a",)), ("radius=1.5", ("b",)))
    assert "P6 weights, from C5" in differences


@pytest.mark.parametrize("name", ["data order", "backbone weights"])
def test_a_hash_that_differs_breaks_the_certificate(tmp_path, name):
    proof = certificate(tmp_path, None, {name: "another"})
    assert len(proof.broken) == 1 and name in proof.broken[0] and "another in b" in proof.broken[0]


def test_a_record_without_hashes_is_no_proof(tmp_path):
    certificate(tmp_path)
    write_run(tmp_path, "b", replace(record(), shared={}), result(0.2))
    (proof,) = built(tmp_path, table_of(row("a", {0: "a"}), row("b", {0: "b"}))).certificates
    assert len(proof.broken) == 1 and "no hashes" in proof.broken[0]


def test_two_protocols_are_not_fair(tmp_path):
    certificate(tmp_path)
    write_run(tmp_path, "b", record(protocol="voc07"), result(0.2))
    (proof,) = built(tmp_path, table_of(row("a", {0: "a"}), row("b", {0: "b"}))).certificates
    assert "different protocols" in proof.broken[0]
