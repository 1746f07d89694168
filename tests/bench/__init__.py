"""What the benchmark costs, each figure a ratio taken in one run: `make bench`. Nothing is asserted: machines are noisy."""
