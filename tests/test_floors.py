import ast
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

import benchmark

ROOT = Path(benchmark.__file__).parent
BASELINES = ROOT.parent / "baselines"
FLOORS = [
    [
        "errors",
        "registry",
        "images",
        "records",
        "utility",
        "metrics",
        "statistics",
        "correlation",
        "operating",
        "matching",
        "mean_ap",
        "runtime",
        "precision",
        "progress",
        "tables",
        "places",
        "results_folder",
        "assets",
    ],
    ["datasets", "networks", "distortions", "predictor", "finding"],
    ["tasks", "suite", "splits", "scorecard", "contract"],
    ["labelling", "outcomes", "ground_truth", "pipeline", "engines", "feed", "downstream", "audit"],
    ["submissions", "reported", "training", "scoring", "evaluation", "judging", "export"],
    [
        "leaderboard",
        "boards",
        "grids",
        "series",
        "page",
        "figures",
        "inventory",
        "use",
        "verify",
        "reproduce",
        "to_onnx",
        "comparison",
        "markdown",
        "summary",
    ],
    ["cli", "options", "__main__"],
]
"""The rooms, from the ground up; a room may import from its own floor and from those below."""

FLOOR = {room: number for number, rooms in enumerate(FLOORS) for room in rooms}


def module_name(path):
    """The dotted name of a file of the package."""
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py")) if path != ROOT / "__init__.py"}


def for_types_only(node):
    """Whether a node is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")


def statements(node):
    """All nodes that can run, also those inside functions; what stands under TYPE_CHECKING cannot."""
    for child in ast.iter_child_nodes(node):
        if for_types_only(child):
            for branch in child.orelse:
                yield branch
                yield from statements(branch)
        else:
            yield child
            yield from statements(child)


def imports(path):
    """The dotted names that a file imports; of `from a import b`, both `a` and `a.b`."""
    package = module_name(path).split(".") if path.is_relative_to(ROOT) else []
    for node in statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                depth = len(package) - node.level + (path.name == "__init__.py")
                base = ".".join([*package[:depth], *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)


def home(name):
    """The module that a name of the package is found in; lazily exported names live in their own."""
    head, _, attribute = name.partition(".")
    if head == "benchmark" and attribute in benchmark.HOMES:
        return benchmark.HOMES[attribute]
    return name


def test_statements_see_functions_and_not_type_checking(tmp_path):
    """The reader of imports finds those inside functions and else-branches, and leaves out those for types."""
    path = tmp_path / "m.py"
    path.write_text(
        "import a\nfrom b import c\nif TYPE_CHECKING:\n    import d\nelse:\n    import e\n"
        "def f():\n    from g import h\n    if TYPE_CHECKING:\n        import i\n"
    )
    assert set(imports(path)) == {"a", "b", "b.c", "e", "g", "g.h"}


def test_relative_imports_are_resolved():
    """A relative import inside the package would be seen for what it is: every name is one that exists."""
    names = {home(name) for path in MODULES.values() for name in imports(path) if name.startswith("benchmark.")}
    modules = {*MODULES, "benchmark"}
    assert all(name in modules or name.rpartition(".")[0] in modules for name in names)


@pytest.mark.parametrize("module", MODULES)
def test_every_module_has_a_room(module):
    """Each module stands on a floor."""
    assert module.split(".")[1] in FLOOR


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_to_the_same_floor_or_down(module):
    """No module imports from a floor above its own, and none reaches everything through `import benchmark`."""
    own = FLOOR[module.split(".")[1]]
    for name in imports(MODULES[module]):
        target = home(name)
        if not target.startswith("benchmark."):
            continue
        room = target.split(".")[1]
        assert room in FLOOR, f"{module} imports {name}, which is in no room"
        assert FLOOR[room] <= own, f"{module} (floor {own}) imports {target} (floor {FLOOR[room]})"


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_the_bare_package(module):
    """Inside the package nothing says `import benchmark`: that name reaches every floor."""
    for node in statements(ast.parse(MODULES[module].read_text())):
        assert not (isinstance(node, ast.Import) and any(alias.name == "benchmark" for alias in node.names))


PURE = {
    "__future__",
    "collections",
    "dataclasses",
    "functools",
    "itertools",
    "math",
    "typing",
    "numpy",
    "scipy",
    "sklearn",
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


@pytest.mark.parametrize("module", ["utility", "metrics"])
def test_kernels_are_pure(module):
    """Utility and metrics import mathematics and errors only: no torch, no files, no suite."""
    for name in imports(ROOT / f"{module}.py"):
        assert name.split(".")[0] in PURE or name.startswith("benchmark.errors"), name


@pytest.mark.parametrize("module", ["utility", "metrics", "matching", "mean_ap"])
def test_kernels_open_no_file(module):
    """Utility and metrics call nothing that reads or writes a file."""
    for node in statements(ast.parse((ROOT / f"{module}.py").read_text())):
        if isinstance(node, ast.Call):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            assert called not in OPENERS, f"{module} calls {called}"


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


def test_no_public_name_is_a_submodule():
    """A submodule of the same name would take its place as soon as it is imported."""
    assert not [name for name in benchmark.__all__ if importlib.util.find_spec(f"benchmark.{name}")]
