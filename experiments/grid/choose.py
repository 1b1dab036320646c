"""The executor that the command line asks for, and what each run gets of the machine."""

from __future__ import annotations

import torch

from experiments.cli.modes import flag
from experiments.cli.options import Options
from experiments.grid.executors import Executor, Share
from experiments.grid.executors.process import Processes
from experiments.grid.executors.serial import Serial
from experiments.runtime.errors import UserError
from experiments.runtime.threads import usable_cores


def share_of_a_run(options: Options) -> Share:
    """Raises UserError for words that do not fit together."""
    if options.executor == "serial":
        _check_serial(options)
    gpus, present = options.gpus_per_run, torch.cuda.device_count()
    if gpus is None and not options.address:
        gpus = float(present > 0)
    requested = gpus or 0.0
    if not options.address and requested > present:
        raise UserError(f"--gpus-per-run is {requested:g}, and this machine has {present} GPUs.")
    return Share(
        cpus=options.cpus_per_run,
        gpus=gpus,
        processes=options.processes_per_run or max(1, int(requested)),
        retries=options.retries,
        logs=options.runs.resolve() / "tables" / "logs",
    )


def _check_serial(options: Options) -> None:
    """Raises UserError for a share that this executor does not give."""
    for name in ("workers", "cpus_per_run", "gpus_per_run"):
        if getattr(options, name) != getattr(Options(), name):
            raise UserError(
                f"{flag(name)} does nothing with --executor serial, which makes one run after the other "
                "in this process. Leave one of them out."
            )


def side_by_side(options: Options) -> int:
    """How many runs are made at once; on a cluster not known before, then 1."""
    share = share_of_a_run(options)
    if options.executor == "serial" or (options.address and not options.workers):
        return 1
    room = usable_cores() // (share.cpus * share.processes)
    if share.gpus:
        room = min(room, int(torch.cuda.device_count() / share.gpus))
    return options.workers or max(1, room)


def choose_executor(options: Options) -> Executor:
    """Raises UserError."""
    kind, share = options.executor or ("ray" if options.address else "process"), share_of_a_run(options)
    if options.address and kind != "ray":
        raise UserError(f"--address names a Ray cluster, which --executor {kind} does not use. Leave one of them out.")
    if options.ship and not options.address:
        raise UserError("--ship sends the code to the nodes of a Ray cluster. Name it with --address.")
    if kind == "ray":
        from experiments.grid.executors.cluster import Ray  # takes a second to import

        workers = options.workers if options.address else side_by_side(options)
        return Ray(share, workers, options.address or "local", options.ship)
    if kind == "serial":
        if share.processes > 1:
            raise UserError("--executor serial makes a run in one process. Use --executor process for several.")
        return Serial(share)
    return Processes(share, side_by_side(options))
