"""Every field that is read from COCO's JSON, below, above, of another type, NaN and empty: one sentence that names it.

The values are made from the fields' own types: a new field is in the table.
"""

import json
import math
from collections.abc import Iterator
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import msgspec
import pytest

from experiments.data.parsing.coco_records import KINDS
from experiments.data.parsing.json_errors import SINGULAR, brief, form
from experiments.data.readers import coco, objects365
from experiments.runtime.errors import UserError
from tests.samples import instances, write_coco, write_objects365

EVERYWHERE = [math.nan, math.inf, -math.inf, [], {}, [[]], {"id": 1}, "", "  ", 0.5, 10**30]


def members(kind: Any) -> list[tuple[Any, Any]]:
    """(type, its limits) of each type that a field may be."""
    if get_origin(kind) is Annotated:
        inner, limits = get_args(kind)[0], get_args(kind)[1]
        return [(t, limits if own is None else own) for t, own in members(inner)]
    if get_origin(kind) in (Union, UnionType):
        return [member for inner in get_args(kind) for member in members(inner)]
    return [(kind, None)]


def beyond(kind: type, limits: Any) -> Iterator[Any]:
    """Values of this type that are too low or too high."""
    step = 1 if kind is int else 0.5
    if limits is not None and limits.ge is not None:
        yield limits.ge - step
    if limits is not None and limits.le is not None:
        yield limits.le + max(step, abs(limits.le) * 1e-9 * (kind is float))
    if limits is not None and limits.max_length is not None:
        yield "x" * (limits.max_length + 1)


def wrong(kind: Any) -> Iterator[Any]:
    types = members(kind)
    for inner, limits in types:
        if get_origin(inner) is tuple:
            good, parts = [1, 2, 3, 4], get_args(inner)
            yield from (good[:-1], [*good, 5])
            for i, part in enumerate(parts):
                yield from ([*good[:i], value, *good[i + 1 :]] for value in (*wrong(part), None, "3"))
        yield from beyond(inner, limits)
    plain = {inner for inner, _ in types}
    yield from (
        value for value in EVERYWHERE if not (isinstance(value, float) and math.isfinite(value) and float in plain)
    )
    yield from () if NoneType in plain else (None,)
    yield from () if str in plain else ("1", "nan")
    yield from () if bool in plain else (True,)


TABLE = [
    (section, field, value)
    for section, kind in KINDS.items()
    for field in msgspec.structs.fields(kind)
    for value in wrong(field.type)
]


def test_every_field_has_values_that_are_refused():
    fields = {(section, field.name) for section, kind in KINDS.items() for field in msgspec.structs.fields(kind)}
    assert {(section, field.name) for section, field, _ in TABLE} == fields and len(TABLE) > 150


@pytest.mark.parametrize("reader", [coco, objects365])
def test_a_wrong_value_is_one_sentence_with_file_record_field_value_and_range(tmp_path, reader):
    split = "train2017" if reader is coco else "train"
    for section, field, value in TABLE:
        data = instances("a.jpg" if reader is coco else "images/v1/patch8/a.jpg")
        data[section][0][field.name] = value
        if reader is coco:
            write_coco(tmp_path, json.dumps(data))
        else:
            write_objects365(tmp_path, data)
        try:
            reader.read(tmp_path, split, ())
        except UserError as error:
            text = str(error)
        else:
            pytest.fail(f"{section}.{field.name} = {value!r} is read")
        label = "number 1" if field.name == "id" and value is None else f"id {brief(data[section][0]['id'])}"
        assert text.endswith(
            f".json, {SINGULAR[section]} {label}: '{field.name}' is {brief(value)}; it must be {form(field.type)}."
        ), text


@pytest.mark.parametrize(
    ("section", "name"),
    [(s, f.name) for s, kind in KINDS.items() for f in msgspec.structs.fields(kind) if f.required],
)
def test_a_missing_field_is_named(tmp_path, section, name):
    data = instances()
    del data[section][0][name]
    write_coco(tmp_path, json.dumps(data))
    with pytest.raises(UserError, match=f"'{name}' is missing; it must be "):
        coco.read(tmp_path, "train2017", ())


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, None, "", [], -1])
def test_a_field_that_nobody_reads_may_be_anything(tmp_path, value):
    data = instances('"NaN", -Infinity.jpg'.replace('"', ""))
    data["info"] = {"score": value}
    for section in KINDS:
        data[section][0] |= {"ignore": value, "segmentation": [[value]], "attributes": {"NaN": value}}
    write_coco(tmp_path, json.dumps(data))
    (tmp_path / "train2017" / "a.jpg").rename(tmp_path / "train2017" / data["images"][0]["file_name"])
    index = coco.read(tmp_path, "train2017", ())
    assert index.boxes.tolist() == [[1, 2, 4, 6]] and index.paths[0].endswith("NaN, -Infinity.jpg")
