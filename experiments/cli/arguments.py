"""The words of run.py on the command line. No torch: --help, and a word that does not exist, are said in a moment."""

from __future__ import annotations

import argparse
import math
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

from assigners.ranges import SEED
from experiments.cli.options import Options
from experiments.runtime.commit import version_line
from experiments.runtime.errors import UserError

EXAMPLES = """examples:
  python experiments/run.py --assigner autoassign --dataset shapes
  python experiments/run.py --assigner atss --dataset voc --download
  python experiments/run.py --tables 2 3 4 5 7 --profile cpu
"""
MANY = 1024  # processes, threads or GPUs: more is a typing error, and would be started
UNKNOWN = "unrecognized arguments: "  # argparse's words


def parse(words: Sequence[str] | None = None) -> tuple[Options, frozenset[str]]:
    """The options, and which of them were typed. Raises UserError for words that do not fit."""
    typed = vars(arguments().parse_args(words))
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in typed.items()}
    return Options(**values), frozenset(values)


class _Parser(argparse.ArgumentParser):
    """Says in one sentence what argparse says under a page of usage."""

    def error(self, message: str) -> None:
        text = re.sub(r"^argument (\S+):", r"\1", message)
        if text.startswith(UNKNOWN):
            word = text.removeprefix(UNKNOWN).split()[0]
            near = get_close_matches(word, self._option_string_actions, n=1)
            text = f"{word} is no flag of run.py{f'. Did you mean {near[0]}' if near else ''}"
        raise UserError(f"{text}{'?' if 'Did you' in text else '.'} See run.py --help.")


def arguments() -> argparse.ArgumentParser:
    """No defaults: what is not typed is not in the result, see `Options`."""
    parser = _Parser(
        prog="run.py",
        description="Trains and evaluates one assigner on one dataset, or all of the paper's tables.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
    )
    parser.add_argument("--assigner", type=_word, help="a name, see --list, or FILE.py:CLASS of your own")
    parser.add_argument("--dataset", type=_word, help="a name, see --list, or the YAML file of your own recipe")
    parser.add_argument(
        "--data-root",
        type=_path,
        metavar="DIR",
        help="of its files (default: $ASSIGNBENCH_DATA/NAME, then data/NAME)",
    )
    parser.add_argument("--download", action="store_true", help="fetch what is missing of it first (voc, coco)")
    parser.add_argument("--split", choices=["val", "test-dev"], help="test-dev: write COCO's upload file, too")
    parser.add_argument("--runs", type=_path, metavar="DIR", help="folder of the run folders (default: runs)")
    parser.add_argument("--seed", type=whole(SEED.low, SEED.high), metavar="N", help="default: 0")
    parser.add_argument("--set", metavar="KEY=VALUE", action="append", help="any field of the recipe")
    parser.add_argument("--evaluator", type=_word, metavar="NAME", help="hotcoco (default) or pycocotools")
    parser.add_argument(
        "--skip-bad-images",
        action="store_true",
        help="continue without images that do not decode, up to 1 %% of the dataset",
    )
    _add_resume(parser)
    _add_questions(parser)
    _add_grid(parser)
    return parser


class _Version(argparse.Action):
    """As argparse's own, but the commit is asked for only where it is wanted."""

    def __init__(self, option_strings, dest, **words):
        super().__init__(option_strings, dest, nargs=0, **words)

    def __call__(self, parser, *_) -> None:
        print(version_line())
        parser.exit()


def _word(text: str) -> str:
    """An empty one is a variable of the shell that is not set."""
    if not text:
        raise argparse.ArgumentTypeError("is a word, got nothing")
    return text


def _path(text: str) -> Path:
    return Path(_word(text))


def whole(least: int, most: int) -> Callable[[str], int]:
    """A whole number in a range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:  # no number, or thousands of digits
            raise argparse.ArgumentTypeError(f"is a whole number, got '{text:.40}'") from None
        if value < least:
            raise argparse.ArgumentTypeError(f"is {least} or more, got {text:.40}")
        if value > most:
            raise argparse.ArgumentTypeError(f"is {most} at most, got {text:.40}")
        return value

    return read


def _gpus(text: str) -> float:
    """A part of one, or a whole number."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 <= value <= 1 or (1 < value <= MANY and value == int(value))):
        raise argparse.ArgumentTypeError(f"is a part of one GPU or a whole number from 0 to {MANY}, got '{text:.40}'")
    return value


def _hours(text: str) -> float:
    """Any number that is not below 0."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"is a number of hours, 0 or more, got '{text:.40}'")
    return value


def _add_resume(parser: argparse.ArgumentParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--resume",
        action="store_true",
        help="fail unless there is a run to resume (without it, an existing run is resumed)",
    )
    group.add_argument("--force", action="store_true", help="start over, even if the run is finished")


def _add_questions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("questions, answered without training")
    group.add_argument("--list", action="store_true", help="print the assigners and datasets")
    group.add_argument("--version", action=_Version, help="print version, commit and folder of this code")
    group.add_argument("--print-config", action="store_true", help="print the resolved recipe")
    group.add_argument("--explain", action="store_true", help="print what differs from the reference head")
    group.add_argument(
        "--check", type=_word, metavar="ASSIGNER", help="run the conformance kit on a name or FILE.py:CLASS"
    )
    group.add_argument("--check-data", action="store_true", help="check the files of --dataset: layout, counts, images")
    group.add_argument(
        "--state", type=_path, metavar="DIR", help="with --check-data: folder of its notes (default: DATA_ROOT/check)"
    )


def _add_grid(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the paper's tables")
    _add_choice(group)
    _add_machines(group)


def _add_choice(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--tables", type=whole(0, MANY), nargs="+", metavar="N", help="run all that these tables need")
    group.add_argument(
        "--tune", action="store_true", help="find the settings that the profile searches, for every method alike"
    )
    group.add_argument("--profile", type=_word, help="full (default): as the paper; cpu: small synthetic datasets")
    seeds = group.add_mutually_exclusive_group()
    seeds.add_argument("--seeds", type=whole(SEED.low, SEED.high), nargs="+", metavar="N", help="default: 0 1 2")
    seeds.add_argument(
        "--until-decided",
        action="store_true",
        help="add seeds where the tables' claims are open, at looks of 3, 5, 7 and 10 seeds",
    )
    group.add_argument(
        "--budget",
        type=_hours,
        metavar="HOURS",
        help="asked between looks, or between seeds: core hours, GPU hours where runs have any (default: no end)",
    )
    group.add_argument(
        "--heads",
        choices=["native", "autoassign", "fcos"],
        nargs="+",
        help="each method's own (default), or that of one for all: a controlled table beside the native one",
    )
    group.add_argument("--only", metavar="AXIS=VALUE", action="append", help="table, row, assigner, dataset, seed, ...")
    group.add_argument("--plan", action="store_true", help="print what is finished and what remains, then exit")
    group.add_argument(
        "--retry-failed", action="store_true", help="retry runs that failed because of their recipe or data"
    )
    group.add_argument("--retries", type=whole(0, MANY), metavar="N", help="of a run, after a crash (default: 2)")


def _add_machines(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--executor", choices=["serial", "process", "ray"], help="default: process; ray with --address")
    group.add_argument("--address", type=_word, help="of a Ray cluster, auto: the one this machine belongs to")
    group.add_argument("--ship", action="store_true", help="send this code to the nodes; else it is at this path there")
    group.add_argument(
        "--workers",
        type=whole(1, MANY),
        metavar="N",
        help="runs side by side, or processes of --check-data (default: by cores)",
    )
    group.add_argument("--cpus-per-run", type=whole(1, MANY), metavar="N", help="threads of a process (default: 1)")
    group.add_argument(
        "--gpus-per-run", type=_gpus, metavar="X", help="0.5: two runs share one (default: 1 where there are any)"
    )
    group.add_argument(
        "--processes-per-run", type=whole(0, MANY), metavar="N", help="on one node (default: one a GPU of the run)"
    )
