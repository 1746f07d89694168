"""Suites: frozen choices read from TOML, their splits, their tasks, and the folder of their results."""
