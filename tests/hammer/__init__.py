"""The hammer: random faults of every family until the time is up, and a table of how many tries held; `make hammer`."""
