"""The examples in docstrings are run, and what a person calls by hand has one."""

import doctest
import importlib
import inspect

import pytest

import benchmark
from tests.test_public_names import MODULES

EXAMPLES = {
    found.name: found
    for module, path in MODULES.items()
    if ">>> " in path.read_text()
    for found in doctest.DocTestFinder().find(importlib.import_module(module))
    if found.examples
}
METRICS = [module for module in MODULES if module.startswith("benchmark.metrics.")]
BEYOND_A_FEW_LINES = {  # errors, classes to derive from, and what takes files, networks or a suite's results
    "BenchmarkError",
    "LearnedPredictor",
    "MissingWeights",
    "Network",
    "Variant",
    "advise",
    "evaluate",
    "file_digest",
    "load_predictor",
    "read_weights",
    "show_progress",
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_give_what_stands_below_them(name):
    """Each example of a docstring gives exactly the result that is written under it."""
    told = []
    doctest.DocTestRunner(verbose=False).run(EXAMPLES[name], out=told.append)
    assert not told, "".join(told)


@pytest.mark.parametrize("module", METRICS)
def test_every_metric_has_an_example(module):
    """Whoever reads a metric's docstring sees its direction in numbers."""
    functions = inspect.getmembers(importlib.import_module(module), inspect.isfunction)
    names = {f"{module}.{name}" for name, function in functions if function.__module__ == module}
    assert names
    assert names - EXAMPLES.keys() == set()


def test_public_names_have_examples():
    """So has every public name that can be shown in a few lines."""
    names = {name for name, home in benchmark.HOMES.items() if f"{home}.{name}" not in EXAMPLES}
    assert names == BEYOND_A_FEW_LINES
