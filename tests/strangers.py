"""Predictors as other people might submit them, for tests of the processes in which they run."""

import json

from benchmark.plugins.predictors.discovery import find_predictor

HEAD = """
import datetime, json, os, pickle, signal, socket, sys, time
import numpy as np
import benchmark
"""
"""Imports of each file; torch is not among them, since its import takes seconds."""
CLASS = """
class Mine(benchmark.Predictor):
    "Standard deviation of the pixels."

    def score(self, samples):
        {score}
        return [float(sample.image.float().std()) for sample in samples]
"""
REPORT = """
def value(expression):
    try:
        return repr(eval(expression))
    except Exception as error:
        return type(error).__name__

Mine.__doc__ = json.dumps([value(expression) for expression in {expressions!r}])
"""
PIPE = "int(sys.argv[1])"
"""The file descriptor of the pipe to the parent, in the child."""


def predictor_file(folder, *, name="mine", start="", score="pass"):
    """The path of a new file with a predictor, which executes statements when it is imported and when it scores."""
    path = folder / f"{name}.py"
    path.write_text(HEAD + start + CLASS.format(score=score))
    return str(path)


def evaluated(folder, *expressions, hidden=()):
    """What expressions come to in a predictor's process: the representations of their values, or the names of exceptions."""
    path = folder / "mine.py"
    path.write_text(HEAD + CLASS.format(score="pass") + REPORT.format(expressions=expressions))
    return json.loads(find_predictor(str(path), hidden=hidden)[1].__doc__)
