"""python -m assigners.check NAME, or FILE.py:CLASS of your own: the conformance kit of experiments/conformance.

The kit builds predictions with the detector, which nothing in this folder may import; this is its door.
"""

from runpy import run_module

if __name__ == "__main__":
    run_module("experiments.conformance", run_name="__main__")
