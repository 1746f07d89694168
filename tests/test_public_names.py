"""What a stranger may import: the public names, each the same object whenever it is asked for; baselines use nothing else.

The floors of the rooms are import-linter's contracts, in pyproject.toml.
"""

import ast
import dataclasses
import importlib
import importlib.util
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import benchmark

ROOT = Path(benchmark.__file__).parent
BASELINES = ROOT.parent / "baselines"
LONGEST = 250
"""Lines of a file."""
VAGUE = {"told", "who", "found", "known", "one", "some", "wanted", "place"}


def module_name(path):
    """The dotted name of a file of the package."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"}


@pytest.mark.parametrize("module", MODULES)
def test_no_file_is_long(module):
    """A file of the package is read in one go."""
    assert len(MODULES[module].read_text().splitlines()) <= LONGEST


@pytest.mark.parametrize("module", MODULES)
def test_identifiers_are_nouns_of_what_they_hold(module):
    """No variable, parameter, function or class has a name that fits anything."""
    names = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.arg | ast.keyword):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    assert not names & VAGUE


def test_the_house_has_as_many_rooms_as_it_shows():
    """Under `benchmark/` stand the rooms and nothing else."""
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    files = {path.name for path in ROOT.iterdir() if path.is_file()}
    assert files == {"__init__.py", "__main__.py"}
    assert rooms == {
        "advice", "app", "cli", "core", "deployment", "evaluation", "labelling", "leaderboard", "metrics", "plugins", "suites",
    }  # fmt: skip


PURE = {  # `io` and `contextlib` silence pycocotools
    "__future__",
    "bjontegaard",
    "collections",
    "contextlib",
    "io",
    "dataclasses",
    "ensemble_boxes",
    "functools",
    "itertools",
    "math",
    "typing",
    "numpy",
    "scipy",
    "sklearn",
    "pycocotools",
}
OPENERS = {
    "open",
    "load",
    "loadtxt",
    "genfromtxt",
    "fromfile",
    "tofile",
    "memmap",
    "save",
    "savez",
    "savetxt",
    "eval",
    "exec",
}
METRICS = sorted(name for name in MODULES if name.startswith("benchmark.metrics"))


def test_there_are_metrics():
    """The folder of metrics is found, so that the two tests below test something."""
    assert len(METRICS) > 8


@pytest.mark.parametrize("module", METRICS)
def test_metrics_are_pure(module):
    """Metrics import mathematics, each other, and errors, types and digests: no torch, no files, no suite."""
    own = ("benchmark.metrics", "benchmark.core.digests", "benchmark.core.errors", "benchmark.core.types")
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{module} imports relatively"
            names = [node.module]
        else:
            continue
        for name in names:
            assert name.split(".")[0] in PURE or name.startswith(own), f"{module} imports {name}"


@pytest.mark.parametrize("module", METRICS)
def test_metrics_open_no_file(module):
    """Metrics call nothing that reads or writes a file."""
    for node in ast.walk(ast.parse(MODULES[module].read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            assert called not in OPENERS, f"{module} calls {called}"


def test_no_module_imports_the_bare_package():
    """Inside the package nothing says `import benchmark`: that name reaches every floor."""
    for path in MODULES.values():
        for node in ast.walk(ast.parse(path.read_text())):
            assert not (isinstance(node, ast.Import) and any(alias.name == "benchmark" for alias in node.names))


@pytest.mark.parametrize("path", sorted(BASELINES.rglob("*.py")), ids=lambda path: path.stem)
def test_baselines_use_the_public_interface_only(path):
    """A baseline imports from `benchmark` what a stranger may: the names in `__all__`, and else other baselines."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            assert all(alias.name == "benchmark" or alias.name.split(".")[0] != "benchmark" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not (node.module or "").startswith("benchmark.")
            if node.module == "benchmark":
                assert {alias.name for alias in node.names} <= set(benchmark.__all__)


def test_there_are_baselines():
    """The folder of baselines is found, so that the test above tests something."""
    assert len(list(BASELINES.glob("*.py"))) > 3


@pytest.mark.parametrize("name", benchmark.__all__)
def test_every_public_name_is_defined_where_it_is_said_to_be(name):
    """Each public name is defined at the top of the module that exports it, and is documented there."""
    path = MODULES[benchmark.HOMES[name]]
    defined = {
        node.name: ast.get_docstring(node)
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef | ast.FunctionDef)
    }
    assert defined.get(name)


TWICE = """
import importlib, inspect, sys
import benchmark
for name in benchmark.__all__:
    for _ in range(2):
        assert not inspect.ismodule(getattr(benchmark, name)), name
    namespace = {}
    exec(f"from benchmark import {name}", namespace)
    assert namespace[name] is getattr(benchmark, name) is getattr(importlib.import_module(benchmark.HOMES[name]), name), name
"""


@pytest.mark.parametrize("names", ["in order", "reversed"])
def test_every_public_name_is_the_same_object_each_time(names):
    """Accessed twice and imported by name, in a fresh interpreter and in any order, a public name is never a module."""
    program = TWICE.replace("benchmark.__all__:", "reversed(benchmark.__all__):") if names == "reversed" else TWICE
    subprocess.run([sys.executable, "-c", program], check=True)


OPTIONAL_BY_POSITION = {
    "benchmark.cli.main.main",  # the entry point of the command, which is called without arguments
    "benchmark.core.precision.training_precision",  # public: `training_precision(device, precision)`
    "benchmark.core.progress.Advance.__call__",  # public: `advance()` counts one unit, `advance(8)` eight
    "benchmark.core.progress.Lines.advance",  # likewise
    "benchmark.deployment.inference.load_predictor",  # public: `load_predictor(name, suite)`
}
"""Functions with a positional parameter that is optional, and why."""


def functions_of(module):
    """The functions of a module and the methods of its classes by dotted name, constructors of dataclasses excluded."""
    for name, value in vars(importlib.import_module(module)).items():
        if inspect.isclass(value) and value.__module__ == module:
            for method, attribute in vars(value).items():
                function = getattr(attribute, "__func__", attribute)
                if inspect.isfunction(function) and not (method == "__init__" and dataclasses.is_dataclass(value)):
                    yield f"{module}.{name}.{method}", function
        elif inspect.isfunction(function := inspect.unwrap(value)) and function.__module__ == module:
            yield f"{module}.{name}", function


def test_what_is_optional_is_passed_by_keyword():
    """No call needs the order of many parameters: at most five are positional, and none of these has a default."""
    functions = dict(pair for module in MODULES if module != "benchmark.__main__" for pair in functions_of(module))
    assert functions.keys() >= {"benchmark.evaluation.evaluate.evaluate", "benchmark.core.workspace.Workspace.named"}
    optional = set()
    for name, function in functions.items():
        parameters = [p for p in inspect.signature(function).parameters.values() if p.kind <= p.POSITIONAL_OR_KEYWORD]
        assert len([p for p in parameters if p.name not in ("self", "cls")]) <= 5, name
        if any(p.default is not p.empty for p in parameters):
            optional.add(name)
    assert optional == OPTIONAL_BY_POSITION


def test_no_public_name_is_a_submodule():
    """A submodule of the same name would take its place as soon as it is imported."""
    assert not [name for name in benchmark.__all__ if importlib.util.find_spec(f"benchmark.{name}")]
