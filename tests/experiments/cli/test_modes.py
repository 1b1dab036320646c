"""Every flag belongs to a mode, and one that the chosen mode does not take is an error that names it."""

import argparse
from dataclasses import fields

import pytest

from experiments.cli.arguments import arguments
from experiments.cli.modes import INSTEAD, MODES, TRAIN, flag, mode_of
from experiments.cli.options import Options
from experiments.runtime.errors import UserError

NAMES = {field.name for field in fields(Options)}
WITHOUT_END = ("help", "version")  # they leave at once, whatever else is typed
VALUES = {
    "tables": ["2"],
    "seeds": ["0"],
    "heads": ["fcos"],
    "check": ["fcos"],
    "executor": ["serial"],
    "split": ["val"],
    **{
        name: ["1"]
        for name in ("budget", "seed", "retries", "workers", "cpus_per_run", "gpus_per_run", "processes_per_run")
    },
}
SWITCHES = {name for name in NAMES if getattr(Options(), name) is False}


def typed(*names: str) -> list[str]:
    """These flags, each with a value that it takes."""
    return [word for name in names for word in (flag(name), *([] if name in SWITCHES else VALUES.get(name, ["x"])))]


def test_the_parser_the_options_and_the_table_name_the_same_flags():
    actions = arguments()._actions
    assert {action.dest for action in actions} - set(WITHOUT_END) == NAMES
    assert all(action.default is argparse.SUPPRESS for action in actions)
    assert all(flag(action.dest) in action.option_strings for action in actions)
    assert {name for mode in MODES for name in (mode.name, *mode.takes) if name} == NAMES
    assert {mode for mode, _ in INSTEAD} | {name for _, name in INSTEAD} <= NAMES | {""}
    assert all(name not in mode.takes for mode in MODES for of, name in INSTEAD if of == mode.name)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name or "train")
def test_a_flag_that_does_nothing_is_an_error_that_names_it(command, mode):
    chosen = [mode.name] if mode.name else []
    before = {other.name for other in MODES[: MODES.index(mode)]}  # these would be meant, not `mode`
    for name in sorted(NAMES - mode.takes - {mode.name} - before):
        code, out, err = command(*typed(*chosen, name))
        assert (code, out) == (2, "") and err.startswith(f"error: {flag(name)} does nothing "), (name, err)
        assert err.count("\n") == 1 and (not mode.name or flag(mode.name) in err)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name or "train")
def test_a_mode_takes_all_of_its_flags_together(mode):
    assert mode_of({*mode.takes, *filter(None, [mode.name])}) == mode


def test_the_first_mode_that_is_typed_names_the_others():
    with pytest.raises(UserError, match="--print-config does nothing beside --tables"):
        mode_of({"print_config", "tables"})
    assert mode_of(set()) == TRAIN
