"""What every assigner must pass, ours and anybody's: `run.py --check NAME`."""
