"""Trains and evaluates one assigner on one data set.

python experiments/run.py --assigner autoassign --dataset voc --data-root DIR
python experiments/run.py --tables 2 3 4 5 7 --profile cpu
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import yaml

try:
    import assigners
    from experiments.grid import command as grid
    from experiments.grid import options as words
    from experiments.recipes import recipe
    from experiments.records.run_folder import FIGURES, RecordError, RunFolder
    from experiments.runtime.console import say, silence, without_terminal
    from experiments.runtime.errors import UserError
    from experiments.runtime.processes import World, joined
    from experiments.runtime.signals import EXIT_CODE, Preempted, leave_on_signal, stop_on_signal
    from experiments.training import execute, guards
    from experiments.training.run_spec import REFERENCE, differences, find
except ModuleNotFoundError as error:
    sys.exit(f"{error}. Install the project first: make install, or pip install -e . in your environment.")


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--assigner", default="autoassign", help="a name, see --list, or FILE.py:CLASS of your own")
    parser.add_argument("--dataset", default="shapes", help="a name, see --list, or the YAML file of your own recipe")
    parser.add_argument("--data-root", type=Path, help="folder that holds the data set's files")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="folder of the run folders (default: runs)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[], help="any field of the recipe"
    )
    evaluator = "test.evaluator={}".format  # an override like any other
    parser.add_argument(
        "--evaluator", dest="overrides", metavar="NAME", type=evaluator, action="append", help="hotcoco or pycocotools"
    )
    skip, about = "data.skip_bad_images=true", "go on without images that do not decode, up to 1 %% of the set"
    parser.add_argument("--skip-bad-images", dest="overrides", action="append_const", const=skip, help=about)
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--resume", action="store_true", help="insist on a run to go on with; without, one is gone on with"
    )
    how.add_argument("--force", action="store_true", help="start over, also what is done")
    parser.add_argument("--list", action="store_true", help="print the assigners and data sets")
    parser.add_argument("--print-config", action="store_true", help="print the resolved recipe")
    parser.add_argument("--explain", action="store_true", help=f"print what differs from {REFERENCE}")
    words.add(parser)
    return parser


def show_list() -> None:
    print("assigners: " + ", ".join(assigners.available()) + ", or FILE.py:CLASS of your own")
    print("data sets: " + ", ".join(recipe.names()) + ", or the path of a YAML recipe")


def explain(chosen: recipe.Recipe) -> None:
    """What differs between the chosen assigner's head and the reference's, and the assigner's settings."""
    print(f"{chosen.assigner} against {REFERENCE}, {chosen.model.mode} mode. All else is one recipe for both.")
    print(f"{'head':<16}{REFERENCE:>28}{chosen.assigner:>28}")
    for name, (theirs, ours) in differences(chosen).items():
        print(f"{name:<16}{brief(theirs):>28}{brief(ours):>28}")
    print("settings of the assignment and its loss:")
    for name, value in chosen.settings:
        print(f"  {name:<20} {value}")


def brief(value: object) -> str:
    """A number short, a list of numbers in a row."""
    return " ".join(f"{v:g}" for v in value) if isinstance(value, (list, tuple)) else str(value)


def run(chosen: recipe.Recipe, options: argparse.Namespace, world: World) -> None:
    found = find(chosen, options.data_root)
    folder = RunFolder(options.runs / found.id)
    if options.resume and not folder.run.is_file():
        raise UserError(f"There is no run to go on with at {folder.path}. Leave --resume out to start it.")
    lines = (
        f"run {folder.path}: {len(found.train)} images to train on, {len(found.val)} to test on",
        recipe.rescaled(chosen),
        cleaned("train", found.train.counters),
        cleaned("val", found.val.counters),
    )
    if not world.writes:
        with stop_on_signal() as stop:
            execute.run(found, folder, world, stop)
        return
    for line in filter(None, lines):
        say(line)
    with folder.locked(), stop_on_signal() as stop:
        if options.force:
            folder.clear()
        result = execute.run(found, folder, world, stop)
    print(" ".join(f"{name} {result[name]:.3f}" for name in FIGURES if result[name] is not None) + f" {folder.path}")


def cleaned(name: str, counters: dict[str, int]) -> str:
    counts = ", ".join(f"{count} {rule}" for rule, count in counters.items() if count)
    return f"boxes of {name} that the clean-up rules touched: {counts}" if counts else ""


def act(options: argparse.Namespace) -> int:
    """The exit code."""
    if options.list:
        show_list()
        return 0
    if options.tables:
        return grid.run(options)
    chosen = recipe.load(options.dataset, options.assigner, options.overrides, options.seed)
    if options.print_config:
        print(yaml.safe_dump(recipe.plain(chosen), sort_keys=False), end="")
    elif options.explain:
        explain(chosen)
    else:
        with joined() as world:
            run(chosen, options, world)
    return 0


def main() -> int:
    without_terminal()
    options = arguments().parse_args()
    try:
        with leave_on_signal():
            code = act(options)
        sys.stdout.flush()
        return code
    except (UserError, RecordError) as error:
        say(f"error: {error}")
        return 2
    except BrokenPipeError:  # of `| head -1`
        silence(sys.stdout)
    except OSError as error:
        say(f"error: {guards.disk(error, options.runs)}")
        return 2
    except Preempted as stopped:
        say(str(stopped))
        return EXIT_CODE
    return 0


if __name__ == "__main__":
    sys.exit(main())
