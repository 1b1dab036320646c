"""The grid: the cells of the paper's tables, what became of each, and who runs them."""
