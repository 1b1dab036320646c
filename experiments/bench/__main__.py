"""python -m experiments.bench [assignment | steps | post | evaluation]: all, or those named."""

import sys

import torch

from experiments.bench import assignment, evaluation, post, steps

REPORTS = {
    "assignment": assignment.report,
    "post": post.report,
    "steps": steps.report,
    "evaluation": evaluation.report,
}


def main() -> None:
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    for name in sys.argv[1:] or REPORTS:
        REPORTS[name]()


if __name__ == "__main__":
    main()
