"""python -m experiments.bench [assignment | steps | post | scheduling]: all, or those named."""

import sys

import torch

from experiments.bench import assignment, post, scheduling, steps

REPORTS = {"assignment": assignment.report, "post": post.report, "steps": steps.report, "scheduling": scheduling.report}


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in sys.argv[1:] or REPORTS:
        REPORTS[name]()


if __name__ == "__main__":
    main()
