"""Trains and evaluates one assigner on one dataset, or all runs of the paper's tables.

python experiments/run.py --assigner autoassign --dataset voc --data-root DIR
python experiments/run.py --tables 2 3 4 5 7 --profile cpu
"""

from __future__ import annotations

import sys
from pathlib import Path

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

try:
    import assigners
    from experiments.cli.arguments import arguments, parse
    from experiments.cli.listing import print_list
    from experiments.cli.modes import mode_of
    from experiments.cli.options import Options
    from experiments.recipes.names import recipe_file
    from experiments.runtime.commands import end, exit_code, words
    from experiments.runtime.threads import share_cores
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")
except KeyboardInterrupt:
    sys.exit(130)


def act(options: Options, mode: str) -> int:
    """The exit code. What takes torch is imported where it is needed: an answer without it comes in a moment."""
    if mode == "list":
        print_list()
        return 0
    if mode == "check":
        return _check(options.check)
    if options.until_decided:
        from experiments.grid.until_decided import run_until_decided

        return run_until_decided(options)
    if mode == "tables":
        if options.budget is not None and not options.plan:
            from experiments.grid.whole_seeds import run_seeds

            return run_seeds(options)
        from experiments.grid.command import run_tables

        return run_tables(options)
    if mode == "tune":
        from experiments.grid.tune import run_search

        return run_search(options)
    assigners.location(options.assigner)  # an unknown name is said before torch is loaded
    recipe_file(options.dataset)
    return _one(options, mode)


def _check(name: str) -> int:
    assigners.location(name)
    from experiments.conformance.page import print_verdict

    return print_verdict(name)


def _one(options: Options, mode: str) -> int:
    from experiments.cli.show import explain, print_config
    from experiments.recipes.load import load

    recipe = load(options.dataset, options.assigner, options.overrides, options.seed)
    if mode == "print_config":
        print_config(recipe)
    elif mode == "explain":
        explain(recipe)
    elif mode == "check_data":
        from experiments.cli.one_run import dataset_options
        from experiments.data.official.check import check_data

        return check_data(dataset_options(recipe, options), options.workers)
    else:
        from experiments.cli.one_run import train_one

        train_one(recipe, options)
    return 0


def main() -> int:
    """The exit code: 0, 1 where something is left undone, 2 for a user's error, 75 where a signal stopped it."""
    share_cores()
    return exit_code(_main)


def _main() -> int:
    if not words():
        arguments().print_help()
        return 0
    options, typed = parse()
    return act(options, mode_of(typed).name)


if __name__ == "__main__":
    end(main())
