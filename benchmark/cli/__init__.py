"""The command line, which holds verbs only and no logic."""
