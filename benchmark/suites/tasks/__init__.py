"""Tasks: a module each, which holds all in which the task differs from the others."""

from benchmark.suites.tasks import classification, detection

TASKS = {"classification": classification, "detection": detection}
