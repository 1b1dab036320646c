"""The words of the grid on the command line, and the executor that they ask for."""

from __future__ import annotations

import argparse
import os

import torch

from experiments.grid.executors import Executor, Share
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.runtime.errors import UserError

LEAST = {"workers": 1, "cpus_per_cell": 1, "retries": 0, "processes_per_cell": 0}


def add(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("the paper's tables")
    group.add_argument("--tables", type=int, nargs="+", metavar="N", help="run the cells of these tables")
    group.add_argument("--profile", default="full", help="full (default): as the paper; cpu: drawn sets in small")
    group.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="N", help="default: 0 1 2")
    group.add_argument(
        "--only", metavar="AXIS=VALUE", action="append", default=[], help="table, row, assigner, dataset, seed, ..."
    )
    group.add_argument("--plan", action="store_true", help="say what is done and left, and run nothing")
    group.add_argument("--retry-failed", action="store_true", help="also cells that failed for a reason of their own")
    group.add_argument("--retries", type=int, default=2, metavar="N", help="of a cell, after a crash (default: 2)")
    group.add_argument("--executor", choices=["serial", "process", "ray"], help="default: process; ray with --address")
    group.add_argument("--address", help="of a Ray cluster, auto: the one this machine belongs to")
    group.add_argument(
        "--ship", action="store_true", help="send this code to the nodes; else they hold it at this path"
    )
    group.add_argument("--workers", type=int, metavar="N", help="cells side by side (default: what the machine holds)")
    group.add_argument("--cpus-per-cell", type=int, default=1, metavar="N", help="threads of a process (default: 1)")
    group.add_argument(
        "--gpus-per-cell", type=float, metavar="X", help="0.5: two share one (default: 1 where there are)"
    )
    group.add_argument(
        "--processes-per-cell", type=int, default=0, metavar="N", help="on one node (default: one a GPU of the cell)"
    )


def share(options: argparse.Namespace) -> Share:
    """Raises UserError for words that do not fit together."""
    gpus, held = options.gpus_per_cell, torch.cuda.device_count()
    if gpus is None and not options.address:
        gpus = float(held > 0)
    asked = gpus or 0.0
    if asked < 0 or (asked > 1 and asked != int(asked)):
        raise UserError(f"--gpus-per-cell is a part of one GPU or a whole number, got {asked:g}.")
    if not options.address and asked > held:
        raise UserError(f"--gpus-per-cell is {asked:g}, and this machine has {held} GPUs.")
    for name, least in LEAST.items():
        value = getattr(options, name)
        if value is not None and value < least:
            raise UserError(f"--{name.replace('_', '-')} is {least} or more, got {value}.")
    logs = options.runs.resolve() / "tables" / "logs"
    return Share(options.cpus_per_cell, gpus, options.processes_per_cell or max(1, int(asked)), options.retries, logs)


def side_by_side(options: argparse.Namespace) -> int:
    """How many cells run at once; on a cluster not known before, then 1."""
    chosen = share(options)
    if options.executor == "serial" or (options.address and not options.workers):
        return 1
    held = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    room = held // (chosen.cpus * chosen.processes)
    if chosen.gpus:
        room = min(room, int(torch.cuda.device_count() / chosen.gpus))
    return options.workers or max(1, room)


def executor(options: argparse.Namespace) -> Executor:
    """Raises UserError."""
    kind, chosen = options.executor or ("ray" if options.address else "process"), share(options)
    if options.address and kind != "ray":
        raise UserError(f"--address names a Ray cluster, which --executor {kind} does not use. Leave one of them out.")
    if options.ship and not options.address:
        raise UserError("--ship sends the code to the nodes of a Ray cluster. Name it with --address.")
    if kind == "ray":
        from experiments.grid.executors.cluster import Ray  # takes a second to import

        workers = options.workers if options.address else side_by_side(options)
        return Ray(chosen, workers, options.address or "local", options.ship)
    if kind == "serial":
        if chosen.processes > 1:
            raise UserError("--executor serial runs a cell in one process. Use --executor process for several.")
        return Serial(chosen)
    return Processes(chosen, side_by_side(options))
