"""What every assigner must stand, ours and anybody's: `python -m experiments.conformance NAME`."""
