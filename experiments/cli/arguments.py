"""The words of run.py on the command line. No torch: --help, and a word that does not exist, are said in a moment."""

from __future__ import annotations

import argparse
from pathlib import Path

from experiments.runtime.commit import version_line

EXAMPLES = """examples:
  python experiments/run.py --assigner autoassign --dataset shapes
  python experiments/run.py --assigner atss --dataset voc --data-root DIR --set schedule.iterations=9000
  python experiments/run.py --tables 2 3 4 5 7 --profile cpu
"""


def arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Trains and evaluates one assigner on one dataset, or all runs of the paper's tables.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--assigner", default="autoassign", help="a name, see --list, or FILE.py:CLASS of your own")
    parser.add_argument("--dataset", default="shapes", help="a name, see --list, or the YAML file of your own recipe")
    parser.add_argument("--data-root", type=Path, metavar="DIR", help="folder that holds the dataset's files")
    parser.add_argument(
        "--runs", type=Path, default=Path("runs"), metavar="DIR", help="folder of the run folders (default: runs)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument(
        "--set", dest="overrides", metavar="KEY=VALUE", action="append", default=[], help="any field of the recipe"
    )
    parser.add_argument(
        "--evaluator",
        dest="overrides",
        metavar="NAME",
        type=_evaluator,
        action="append",
        help="hotcoco (default) or pycocotools",
    )
    parser.add_argument(
        "--skip-bad-images",
        dest="overrides",
        action="append_const",
        const="data.skip_bad_images=true",
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


def _evaluator(name: str) -> str:
    """An override like any other."""
    return f"test.evaluator={name}"


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
    group.add_argument("--check", metavar="ASSIGNER", help="run the conformance kit on a name or FILE.py:CLASS")
    group.add_argument("--check-data", action="store_true", help="check the files of --dataset: layout, counts, images")
    group.add_argument("--download", action="store_true", help="with --check-data: fetch what is missing (voc, coco)")
    group.add_argument(
        "--state", type=Path, metavar="DIR", help="with --check-data: folder of its notes (default: DATA_ROOT/check)"
    )


def _add_grid(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the paper's tables")
    group.add_argument("--tables", type=int, nargs="+", metavar="N", help="run all that these tables need")
    group.add_argument("--profile", default="full", help="full (default): as the paper; cpu: small synthetic datasets")
    group.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    group.add_argument(
        "--only", metavar="AXIS=VALUE", action="append", default=[], help="table, row, assigner, dataset, seed, ..."
    )
    group.add_argument("--plan", action="store_true", help="print what is finished and what remains, then exit")
    group.add_argument(
        "--retry-failed", action="store_true", help="retry runs that failed because of their recipe or data"
    )
    group.add_argument("--retries", type=int, default=2, metavar="N", help="of a run, after a crash (default: 2)")
    group.add_argument("--executor", choices=["serial", "process", "ray"], help="default: process; ray with --address")
    group.add_argument("--address", help="of a Ray cluster, auto: the one this machine belongs to")
    group.add_argument("--ship", action="store_true", help="send this code to the nodes; else it is at this path there")
    group.add_argument(
        "--workers", type=int, metavar="N", help="runs side by side, or processes of --check-data (default: by cores)"
    )
    group.add_argument("--cpus-per-run", type=int, default=1, metavar="N", help="threads of a process (default: 1)")
    group.add_argument(
        "--gpus-per-run", type=float, metavar="X", help="0.5: two runs share one (default: 1 where there are any)"
    )
    group.add_argument(
        "--processes-per-run", type=int, default=0, metavar="N", help="on one node (default: one a GPU of the run)"
    )
