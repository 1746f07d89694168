"""Studies of the statistics: scripts that measure what a test can only sample; `make studies` runs them."""
