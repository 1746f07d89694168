"""Finds predictors by the name of a baseline, of a library's metric or of a package's plug-in, or by the path of a file.

name, kind, code = find_predictor("ssim")
name, kind, code = find_predictor("iqa:ms_ssim")
name, kind, code = find_predictor("my/predictor.py")
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib.util
import inspect
import sys
import textwrap
import tokenize
from collections.abc import Sequence
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import ModuleType

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.core.messages import cause
from benchmark.core.workspace import Workspace
from benchmark.plugins.predictors.base import NEEDS, TARGETS, LearnedPredictor, Predictor
from benchmark.plugins.predictors.process import Origin
from benchmark.plugins.predictors.proxy import child_kind
from benchmark.plugins.registry import extensions, resolve

ADAPTERS = {"iqa": ("baselines.adapters.iqa", "piq"), "ood": ("baselines.adapters.ood", "pytorch-ood")}
"""Libraries whose parts are predictors, named as `iqa:ms_ssim`: by prefix, the module that adapts it and its package."""


def predictor_names() -> list[str]:
    """The names of the baselines that come with the package."""
    return sorted(path.stem for path in baselines_folder().glob("[a-z]*.py"))


def baselines_folder() -> Path:
    """The folder of the baselines."""
    spec = importlib.util.find_spec("baselines")
    if spec is None or spec.origin is None:
        raise PredictorError("the package `baselines` is not installed; pip install utilbench installs it")
    return Path(spec.origin).parent


def find_predictor(
    name: str, *, hidden: Sequence[Path] | None = None, title: str = ""
) -> tuple[str, type[Predictor], str]:
    """A predictor by name, or by the path of a Python file.

    The name is that of a baseline, of a library's part (`iqa:ms_ssim`) or of an installed package's plug-in. Only the code
    of the named predictor is executed; that of a file or plug-in in a process of its own, to which the class leads.

    Args:
        name: name or path.
        hidden: folders that a process of its own must not read; by default those of the environment.
        title: what messages call a file, by default its name without the ending.

    Returns:
        Its name (that of a file without the ending), its class and the digest of its code.

    Raises:
        PredictorError: there is no such predictor or file, or a file holds not exactly one predictor, or a package's predictor
            fails to load.
    """
    if name.partition(":")[0] in ADAPTERS:
        return find_adapted(name)
    path = Path(name) if name.endswith(".py") else baselines_folder() / f"{name}.py"
    hidden = Workspace.named().private if hidden is None else hidden
    if not path.is_file():
        origin = Origin(name=title or name, plugin=plugin(name).name, hidden=tuple(hidden))
        return name, child_kind(origin), package_digest(name)
    if path.resolve().parent == baselines_folder().resolve():
        return path.stem, load_file(str(path)), file_digest(path)
    origin = Origin(name=title or path.stem, file=str(path.absolute()), hidden=tuple(hidden))
    return path.stem, child_kind(origin), file_digest(path)


def plugin(name: str) -> EntryPoint:
    """The entry point of this name.

    Raises:
        PredictorError: there is none; the message lists the valid names.
    """
    points = extensions("predictors", own=predictor_names())
    if name not in points:
        available = ", ".join([*predictor_names(), *(f"{prefix}:..." for prefix in ADAPTERS), *points])
        raise PredictorError(f"no predictor {name!r}; there are {available}, or the path of a .py file")
    return points[name]


def load_plugin(name: str) -> type[Predictor]:
    """Import the package that adds a predictor of this name, and return its class.

    Raises:
        PluginError: it fails to load.
        PredictorError: it is no valid predictor.
    """
    kind = resolve("predictors", name, {})
    if kind is None:
        raise PredictorError(f"no package adds a predictor {name!r}")
    check_kind(kind)
    return kind


def load_file(name: str) -> type[Predictor]:
    """Execute a file, and return the class of its predictor.

    Raises:
        PredictorError: it fails to load, or does not define exactly one valid predictor.
    """
    path = Path(name)
    own = path.resolve().parent == baselines_folder().resolve()
    module_name = f"baselines.{path.stem}" if own else f"predictor_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise PredictorError(f"{path}: cannot be loaded as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # a third-party file may raise anything
        raise PredictorError(f"{path}: fails to load ({cause(error)})") from error
    kinds = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Predictor)]
    defined = [kind for kind in kinds if kind.__module__ == module_name]
    if len(defined) != 1:
        raise PredictorError(f"{path}: defines {len(defined)} subclasses of Predictor; exactly one is needed")
    check_kind(defined[0])
    return defined[0]


def find_adapted(name: str) -> tuple[str, type[Predictor], str]:
    """A part of a library by `prefix:part`, as `find_predictor` returns it; the digest covers the library's version.

    Raises:
        PredictorError: there is no such part (the message lists all, similar ones first), or no such library.
    """
    prefix, _, part = name.partition(":")
    module, library = adapter(prefix)
    if part not in module.PREDICTORS:
        near = difflib.get_close_matches(part, module.PREDICTORS, n=4, cutoff=0.5)
        candidates = [*near, *(other for other in module.PREDICTORS if other not in near)]
        raise PredictorError(
            f"no predictor {name!r}; there are {', '.join(f'{prefix}:{other}' for other in candidates)}"
        )
    kind = module.find(part)
    check_kind(kind)
    return name, kind, digest(code_digest(inspect.getsource(module)), library)


def adapter(prefix: str) -> tuple[ModuleType, str]:
    """The module that adapts a library, and the library's name and version.

    Raises:
        PredictorError: the library is not installed; the message says how to install it.
    """
    module, package = ADAPTERS[prefix]
    try:
        return importlib.import_module(module), f"{package} {version(package)}"
    except ImportError as error:
        raise PredictorError(f"{prefix}: needs {package} ({error}); pip install 'utilbench[adapters]'") from error


def file_digest(path: Path) -> str:
    """Digest of the code of a file, which is read and not executed; see `code_digest`.

    Raises:
        PredictorError: it is no Python.
    """
    try:
        with tokenize.open(path) as file:
            return code_digest(file.read())
    except (OSError, SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise PredictorError(f"{path}: cannot be read as Python ({error})") from error


def code_digest(source: str) -> str:
    """Digest of Python code and of the baselines that it imports, without comments, docstrings and layout."""
    tree = ast.parse(textwrap.dedent(source))
    names = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    used = {part for name in names if name.startswith("baselines.") for part in [name.split(".")[1]]}
    files = [baselines_folder() / f"{name}.py" for name in sorted(used)]
    others = [code_digest(file.read_text(encoding="utf-8")) for file in files if file.is_file()]
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [statement for statement in body if not is_text(statement)] or [ast.Pass()]  # type: ignore[attr-defined]
    return digest(ast.dump(tree), *others)


@functools.cache
def baseline_code(name: str) -> str:
    """Digest of the present code of a baseline, which is read and not executed; empty if there is no baseline of this name."""
    path = baselines_folder() / f"{name}.py"
    return file_digest(path) if name.isidentifier() and path.is_file() else ""


def package_digest(name: str) -> str:
    """Digest of all code of the package that adds a predictor of this name; nothing of it is executed."""
    package = plugin(name).module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    files = files or ([Path(spec.origin)] if spec and spec.origin else [])
    if not files:
        raise PredictorError(f"{name}: the package {package} has no Python files")
    return digest(*map(file_digest, files))


def is_text(node: object) -> bool:
    """Whether a statement is only a string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def check_kind(kind: type[Predictor]) -> None:
    """Raise PredictorError unless the class is complete and its needs and target are valid."""
    if not (isinstance(kind, type) and issubclass(kind, Predictor)):
        raise PredictorError(f"{kind!r} is no subclass of Predictor")
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        raise PredictorError(f"{kind.__name__} lacks {', '.join(missing)}")
    if unknown := set(kind.needs) - NEEDS:
        raise PredictorError(f"{kind.__name__} needs {sorted(unknown)}; there are {sorted(NEEDS)}")
    if issubclass(kind, LearnedPredictor) and kind.target not in TARGETS:
        raise PredictorError(f"{kind.__name__} has the target {kind.target!r}; there are {', '.join(TARGETS)}")
