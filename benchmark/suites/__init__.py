"""Suites: frozen choices read from TOML, with their splits, their tasks and the folder of their results."""
