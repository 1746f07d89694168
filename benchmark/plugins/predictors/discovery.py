"""Finds predictors by the name of a baseline, of a library's metric or of a package's plug-in, or by the path of a file.

name, kind, code = find_predictor("ssim")
name, kind, code = find_predictor("iqa:ms_ssim")
name, kind, code = find_predictor("my/predictor.py")
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
import sys
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from importlib.metadata import EntryPoint, version
from pathlib import Path
from types import CodeType, ModuleType

from benchmark.core.digests import digest
from benchmark.core.errors import ANY_ERROR, PluginError, PredictorError
from benchmark.core.messages import cause
from benchmark.core.similar_names import near, no_such_file
from benchmark.core.workspace import Workspace
from benchmark.plugins.predictors.base import NEEDS, TARGETS, LearnedPredictor, Predictor
from benchmark.plugins.predictors.code_digests import code_digest, module_digest
from benchmark.plugins.predictors.names import ADAPTERS, baselines_folder, name_problem, predictor_names
from benchmark.plugins.predictors.process import Origin
from benchmark.plugins.predictors.proxy import child_kind
from benchmark.plugins.predictors.source import misspelling, misspelt_members, read_source
from benchmark.plugins.registry import extensions, resolve


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
        PredictorError: there is no such predictor or file, a file has another predictor's name, a misspelt method or not
            exactly one predictor, or a package's predictor fails to load.
    """
    if name.partition(":")[0] in ADAPTERS:
        return find_adapted(name)
    named_file = name.endswith(".py")
    path = Path(name) if named_file else baselines_folder() / f"{name}.py"
    hidden = Workspace.named().private if hidden is None else hidden
    if not (path.is_file() or (named_file and path.exists())):
        origin = Origin(name=title or name, plugin=plugin(name).name, hidden=tuple(hidden))
        return name, child_kind(origin), package_digest(name)
    if path.resolve().parent == baselines_folder().resolve():
        return path.stem, load_file(str(path)), module_digest(path)
    if not title and (problem := name_problem(path.stem)):
        raise PredictorError(f"{path}: its name {problem} (rename the file)")
    code = module_digest(path)
    if misspelt := misspelt_members(ast.parse(read_source(path))):
        raise PredictorError(f"{path}: {misspelt[0]}")
    origin = Origin(name=title or path.stem, file=str(path.absolute()), hidden=tuple(hidden))
    return path.stem, child_kind(origin), code


def plugin(name: str) -> EntryPoint:
    """The entry point of this name.

    Raises:
        PredictorError: there is none, and the message lists the valid names; or its name looks like that of another predictor.
    """
    points = extensions("predictors", own=predictor_names())
    if name not in points:
        if Path(name).is_dir():
            raise PredictorError(
                f"{name} is a folder: name its predictor.py to check that, or `utilbench verify {name}` to check a submission"
            )
        if name.endswith(".py") or "/" in name:
            raise PredictorError(no_such_file(Path(name)))
        names = [*predictor_names(), *points]
        available = ", ".join([*names, *(f"{prefix}:..." for prefix in ADAPTERS)])
        hint = near(name, names)
        raise PredictorError(f"no predictor {name!r}{hint}; there are {available}, or the path of a .py file")
    if problem := name_problem(name, packages=()):
        raise PluginError(f"entry point of utilbench.predictors ({points[name].value}): its name {problem}")
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


class SourceLoader(SourceFileLoader):
    """Compiles the source that the digest is of, never bytecode that a stranger put into `__pycache__` beside it."""

    def get_code(self, fullname: str) -> CodeType:
        """The code of the file."""
        return self.source_to_code(self.get_data(self.path), self.path)


def load_file(name: str) -> type[Predictor]:
    """Execute a file, and return the class of its predictor.

    Raises:
        PredictorError: it fails to load, or does not define exactly one valid predictor.
    """
    path = Path(name)
    own = path.resolve().parent == baselines_folder().resolve()
    module_name = f"baselines.{path.stem}" if own else f"predictor_{path.stem}"
    spec = importlib.util.spec_from_file_location(module_name, path, loader=SourceLoader(module_name, str(path)))
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
        hint = near(part, module.PREDICTORS, prefix=f"{prefix}:")
        names = [f"{prefix}:{other}" for other in module.PREDICTORS]
        raise PredictorError(f"no predictor {name!r}{hint}; there are {', '.join(names)}")
    kind = module.find(part)
    check_kind(kind)
    return name, kind, digest(code_digest(inspect.getsource(module)), library)


def adapter(prefix: str) -> tuple[ModuleType, str]:
    """The module that adapts a library, and the library's name and version.

    Raises:
        PredictorError: the library is not installed or fails to load; the message says how to install it.
    """
    module, package = ADAPTERS[prefix]
    try:
        return importlib.import_module(module), f"{package} {version(package)}"
    except ANY_ERROR as error:
        raise PredictorError(
            f"{prefix}: needs {package} ({cause(error)}); pip install 'utilbench[adapters]'"
        ) from error


def package_digest(name: str) -> str:
    """Digest of all code of the package that adds a predictor of this name; nothing of it is executed."""
    package = plugin(name).module.partition(".")[0]
    spec = importlib.util.find_spec(package)
    folders = [Path(folder) for folder in (spec and spec.submodule_search_locations) or ()]
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    files = files or ([Path(spec.origin)] if spec and spec.origin else [])
    if not files:
        raise PredictorError(f"{name}: the package {package} has no Python files")
    return digest(*map(module_digest, files))


def check_kind(kind: type[Predictor]) -> None:
    """Raise PredictorError unless the class is complete and its needs and target are valid."""
    if not (isinstance(kind, type) and issubclass(kind, Predictor)):
        raise PredictorError(f"{kind!r} is no subclass of Predictor")
    if missing := sorted(getattr(kind, "__abstractmethods__", ())):
        hints = "".join(misspelling(name, vars(kind)) for name in missing)
        raise PredictorError(f"{kind.__name__} lacks {', '.join(missing)}{hints}")
    for key in ("needs", "formats"):
        values: object = getattr(kind, key)
        if not isinstance(values, set | frozenset | list | tuple) or not all(isinstance(text, str) for text in values):
            raise PredictorError(f"{kind.__name__} has {key} = {values!r:.80}; a set of texts is needed")
    if unknown := set(kind.needs) - NEEDS:
        raise PredictorError(f"{kind.__name__} needs {sorted(unknown)}; there are {sorted(NEEDS)}")
    if not issubclass(kind, LearnedPredictor):
        return
    if not isinstance(kind.target, str) or kind.target not in TARGETS:
        raise PredictorError(f"{kind.__name__} has the target {kind.target!r:.80}; there are {', '.join(TARGETS)}")
    if not isinstance(kind.seeded, bool):
        raise PredictorError(f"{kind.__name__} has seeded = {kind.seeded!r:.80}; it is True or False")
