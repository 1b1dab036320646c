"""python -m experiments.bench [NAME ...]: all benchmarks, or those named."""

import argparse

import torch

from experiments.bench import (
    assignment,
    bigset,
    convolutions,
    data_check,
    evaluation,
    loading,
    post,
    scheduling,
    steps,
    syncs,
)
from experiments.runtime.heap import keep_memory

REPORTS = {
    "assignment": assignment.report_assignment,
    "post": post.report_postprocessing,
    "steps": steps.report_steps,
    "convolutions": convolutions.report_convolutions,
    "syncs": syncs.report_syncs,
    "evaluation": evaluation.report_evaluation,
    "loading": loading.report_loading,
    "bigset": bigset.report_big_dataset,
    "data_check": data_check.report_data_check,
    "scheduling": scheduling.report_scheduling,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m experiments.bench", description="Speed, measured on this machine.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(REPORTS)}; none: all")
    names = parser.parse_args().names or list(REPORTS)
    if unknown := set(names) - set(REPORTS):
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(REPORTS)}")
    keep_memory()  # as a training does
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in names:
        REPORTS[name]()


if __name__ == "__main__":
    main()
