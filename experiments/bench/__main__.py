"""python -m experiments.bench [assignment | steps | post | data | bigset]: all, or those named."""

import sys

import torch

from experiments.bench import assignment, bigset, data, post, steps

REPORTS = {module.__name__.rpartition(".")[2]: module.report for module in (assignment, post, steps, data, bigset)}


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in sys.argv[1:] or REPORTS:
        REPORTS[name]()


if __name__ == "__main__":
    main()
