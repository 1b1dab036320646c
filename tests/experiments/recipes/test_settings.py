"""Every field of a recipe and of a method, from the fields themselves: each has a range, and holds it."""

from collections.abc import Iterator
from dataclasses import MISSING, is_dataclass
from importlib import import_module
from math import inf, nan
from pkgutil import iter_modules
from typing import Any, get_args, get_origin

import pytest
import yaml

import assigners
from assigners import losses
from assigners.ranges import Range
from experiments.recipes.load import OF_THE_COMMAND, checked_seed, load
from experiments.recipes.recipe import Recipe
from experiments.recipes.settings import Setting, settings_of
from experiments.recipes.typed import choices_of, convert, parts_of
from experiments.runtime.errors import UserError

MODULES = [import_module(f"assigners.losses.{module.name}") for module in iter_modules(losses.__path__)]
LOSSES = [c for m in MODULES for c in vars(m).values() if is_dataclass(c) and c.__module__ == m.__name__]
SETTINGS = [s for s in settings_of(Recipe).values() if s.name not in OF_THE_COMMAND]
OF_METHODS = [
    (name, s) for name in assigners.METHODS for s in settings_of(assigners.get(name), prefix="assigner.").values()
]
OF_LOSSES = [s for loss in LOSSES for s in settings_of(loss).values()]
ALL = [*SETTINGS, settings_of(Recipe)["seed"], *(s for _, s in OF_METHODS), *OF_LOSSES]
EMPTY = (None, [], {})
NO_NUMBER = ("many", True, nan, inf, -inf, 10**400, *EMPTY)
NO_WORD = ("nothing of that name", 3, 0.5, True, nan, *EMPTY)


def wrong(kind: Any) -> Iterator[Any]:
    """Values that a field of that type must not take, as YAML has them."""
    whole, (kind, marks) = kind, parts_of(kind)
    limits = [mark for mark in marks if isinstance(mark, Range)]
    if get_origin(kind) is tuple:
        yield from wrong_lists(get_args(kind), marks)
    elif kind is bool:
        yield from (3, "maybe", nan, *EMPTY)
    elif limits:
        yield from NO_NUMBER
        yield from outside(kind, *limits)
    elif choices_of(whole):
        yield from NO_WORD
    else:
        yield from (*([""] if marks else []), 3, True, nan, None, [])


def outside(kind: type, limit: Range) -> Iterator[float]:
    """Below and above."""
    step = 1 if kind is int else 0.125
    yield limit.low if limit.ends[0] == "(" else limit.low - step
    yield -step
    if limit.high < inf:
        yield limit.high if limit.ends[1] == ")" else limit.high + step


def wrong_lists(kinds: tuple[Any, ...], marks: list[Any]) -> Iterator[Any]:
    """A list with a wrong item; and what the list as a whole must not be."""
    count = 1 if kinds[-1] is ... else len(kinds)
    yield from ([value] * count for value in wrong(kinds[0]))
    yield from (None, {})
    for mark in marks:
        if mark.least or kinds[-1] is not ...:
            yield []
        if mark.rising:
            yield from ([0.5] * max(count, 2), [0.5, 0.25, 0.125, 0.0625])
        if mark.distinct:
            yield ["a", "b", "a"]


def sentence(dataset: str, assigner: str, *overrides: str) -> str:
    """Of the error; "" where there is none."""
    try:
        load(dataset, assigner, list(overrides), 0)
    except UserError as error:
        return str(error)
    return ""


def says(text: str, setting: Setting, value: Any) -> bool:
    """Whether a sentence names the field, the value and what is permitted."""
    items = value if isinstance(value, list) else [value]
    shown = [repr(items), *(f(item)[:9] for item in items for f in (str, repr))]
    permitted = setting.permitted or {bool: "true or false", str: "a text"}.get(setting.kind, "")
    ranges = [part for part in permitted.split("; ") if part in text] or "values" in text
    return f"{setting.name} " in text.replace("'", "") and any(x in text for x in shown) and bool(ranges)


def flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=inf).removesuffix("\n").removesuffix("\n...")


def test_every_number_has_a_range_and_a_unit_and_every_field_a_comment():
    assert len(ALL) > 100
    for setting in ALL:
        kind, marks = parts_of(setting.kind)
        inner, inner_marks = parts_of(get_args(kind)[0]) if get_origin(kind) is tuple else (kind, marks)
        ranges = [mark for mark in inner_marks if isinstance(mark, Range)]
        assert len(ranges) == (inner in (int, float)), setting.name
        assert all(limit.unit for limit in ranges), setting.name
        assert setting.comment, setting.name
        assert get_origin(kind) is not tuple or marks, setting.name


def test_every_default_is_in_its_range():
    for setting in ALL:
        if setting.default is not MISSING:
            assert convert(setting.name, setting.default, setting.kind) == setting.default


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda s: s.name)
def test_a_wrong_value_of_a_recipe_is_one_sentence_from_the_command_line_and_from_a_file(setting, tmp_path):
    group, _, name = setting.name.partition(".")
    path = tmp_path / "own.yaml"
    for value in wrong(setting.kind):
        text = sentence("shapes", "fcos", f"{setting.name}={flow(value)}")
        assert says(text, setting, value), (value, text)
        path.write_text(yaml.safe_dump({"like": "shapes", group: {name: value}}))
        text = sentence(str(path), "fcos")
        assert says(text, setting, value) and text.count("\n") == 0, (value, text)


@pytest.mark.parametrize(("method", "setting"), OF_METHODS, ids=lambda x: getattr(x, "name", x))
def test_a_wrong_setting_of_a_method_is_one_sentence(method, setting):
    for value in wrong(setting.kind):
        text = sentence("shapes", method, f"{setting.name}={flow(value)}")
        assert says(text, setting, value), (value, text)


@pytest.mark.parametrize("setting", OF_LOSSES, ids=lambda s: f"{s.owner.__name__}.{s.name}")
def test_a_wrong_setting_of_a_loss_is_refused(setting):
    for value in wrong(setting.kind):
        with pytest.raises(UserError) as caught:
            convert(setting.name, value, setting.kind)
        assert says(str(caught.value), setting, value)


@pytest.mark.parametrize("seed", [-1, 2**63, 10**400, True, 1.0, None])
def test_a_seed_out_of_range_is_named(seed):
    for check in (lambda: checked_seed(seed), lambda: load("shapes", "fcos", [], seed)):
        with pytest.raises(UserError, match=r"^seed is .* 0 to 9223372036854775807"):
            check()


def test_the_ends_of_the_range_of_seeds_are_seeds():
    assert [checked_seed(seed) for seed in (0, 2**63 - 1)] == [0, 2**63 - 1]


@pytest.mark.parametrize("key", [*OF_THE_COMMAND, "dataset.name", "seed.x"])
def test_what_is_for_the_command_line_is_not_for_set(key):
    text = sentence("shapes", "fcos", f"{key}=3")
    assert text.startswith(f"--set {key} is not for --set: ") and OF_THE_COMMAND[key.partition(".")[0]] in text
