"""How fast things are, as ratios against a peer or a floor in one run: `python -m benchmarks`."""
