"""Tasks: one module per task, with everything in which it differs from the others."""

from benchmark.suites.tasks import classification, detection

TASKS = {"classification": classification, "detection": detection}
