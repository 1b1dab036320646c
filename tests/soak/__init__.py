"""Long tests, by `make soak`; pytest does not collect them."""
