"""Trains and evaluates one assigner on one dataset, or all runs of the paper's tables.

python experiments/run.py --assigner autoassign --dataset voc --data-root DIR
python experiments/run.py --tables 2 3 4 5 7 --profile cpu
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

if not __package__:  # run as a file: this checkout's code, whatever is installed
    sys.path[0] = str(Path(__file__).resolve().parents[1])

try:
    import assigners
    from experiments.cli.arguments import arguments
    from experiments.cli.listing import print_list
    from experiments.recipes.names import recipe_file
    from experiments.records.files import RecordError
    from experiments.runtime.console import redirect_to_devnull, replace_closed_streams, say
    from experiments.runtime.errors import UserError, disk_sentence
    from experiments.runtime.signals import EXIT_CODE, Preempted, leave_on_signal
    from experiments.runtime.threads import share_cores
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")


def act(options: argparse.Namespace) -> int:
    """The exit code. What takes torch is imported where it is needed: an answer without it comes in a moment."""
    if options.list:
        print_list()
        return 0
    if options.check:
        return _check(options.check)
    if options.tables:
        from experiments.grid.command import run_tables

        return run_tables(options)
    assigners.location(options.assigner)  # an unknown name is said before torch is loaded
    recipe_file(options.dataset)
    if options.check_data:
        from experiments.data.official.check import check_data
        from experiments.recipes.load import load

        return check_data(load(options.dataset, options.assigner, options.overrides, 0).data, options)
    return _one(options)


def _check(name: str) -> int:
    assigners.location(name)
    from experiments.conformance.page import print_verdict

    return print_verdict(name)


def _one(options: argparse.Namespace) -> int:
    from experiments.cli.show import explain, print_config
    from experiments.recipes.load import load

    recipe = load(options.dataset, options.assigner, options.overrides, options.seed)
    if options.print_config:
        print_config(recipe)
    elif options.explain:
        explain(recipe)
    else:
        from experiments.cli.one_run import train_one

        train_one(recipe, options.data_root, options.runs, options.resume, options.force)
    return 0


def main() -> int:
    """The exit code: 0, 1 where something is left undone, 2 for a user's error, 75 where a signal stopped it."""
    replace_closed_streams()
    share_cores()
    options = arguments().parse_args()
    try:
        with leave_on_signal():
            code = act(options)
        sys.stdout.flush()
        return code
    except (UserError, RecordError, assigners.AssignerError) as error:
        say(f"error: {error}")
        return 2
    except BrokenPipeError:  # of `| head -1`
        redirect_to_devnull(sys.stdout)
    except OSError as error:
        say(f"error: {disk_sentence(error, options.runs)}")
        return 2
    except Preempted as stopped:
        say(str(stopped))
        return EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main())
