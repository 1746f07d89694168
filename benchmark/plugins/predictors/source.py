"""What the source of a stranger's predictor says about it, without executing it.

code_problems(Path("mine.py"))      # ["mine.py: Mine lacks score; is scroe meant to be score?"]
"""

from __future__ import annotations

import ast
import difflib
import io
import tokenize
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmark.core.files import read_bounded
from benchmark.core.messages import clean_line
from benchmark.plugins.predictors.names import baselines_folder

MOST_CODE = 2**20
"""Largest file of code, in bytes."""
NO_SOURCE = (OSError, SyntaxError, ValueError, LookupError, RecursionError, MemoryError)
"""What reading, decoding and parsing a file of code may raise."""
METHODS = {
    "Predictor": ("score",),
    "LearnedPredictor": ("score", "fit", "state", "load_state"),
    "Variant": (),
}  # fmt: skip
"""Bases, and the methods that a class which derives from them defines."""
ATTRIBUTES = ("needs", "formats", "target", "seeded")
"""Attributes that a class may set; another name would be ignored."""
CLOSE = 0.75
"""Least similarity, by difflib, of a misspelt method; `scroe` and `score` have 0.8."""
CLOSER = 0.82
"""That of an attribute, which may be missing: `seed`, a name that is a predictor's own, has 0.8 to `seeded`."""


def read_source(path: Path) -> bytes:
    """The bytes of a file of code; raises OSError, see `read_bounded`."""
    return read_bounded(path, MOST_CODE)


def decoded(source: bytes) -> str:
    """Source code as text, by the encoding that it names; raises one of NO_SOURCE."""
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    return io.TextIOWrapper(io.BytesIO(source), encoding).read()


def reason(error: BaseException) -> str:
    """One of NO_SOURCE in words."""
    return clean_line(getattr(error, "strerror", None) or str(error) or type(error).__name__)


def code_problems(path: Path) -> list[str]:
    """The reasons why a file, which is not executed, does not define exactly one predictor with all its methods."""
    try:
        source = read_source(path)
    except OSError as error:
        return [f"{path}: cannot be read ({reason(error)})"]
    try:
        decoded(source)
        tree = ast.parse(source)
    except NO_SOURCE as error:
        return [f"{path}: does not parse as Python ({reason(error)})"]
    own = predictors_in(tree)
    problems = [] if len(own) == 1 else [f"{path}: defines {len(own)} subclasses of Predictor; exactly one is needed"]
    return problems + [f"{path}: {problem}" for problem in misspelt_members(tree)]


def predictors_in(tree: ast.Module) -> list[str]:
    """Names of the classes that derive from a predictor of `benchmark` or of a baseline."""
    return [node.name for node, _ in predictor_classes(tree)]


def predictor_classes(tree: ast.Module) -> Iterator[tuple[ast.ClassDef, frozenset[str]]]:
    """The classes that derive from a predictor, each with the methods that it must define itself."""
    kinds = {name: frozenset(methods) for name, methods in METHODS.items()}
    mixins: dict[str, frozenset[str]] = dict.fromkeys(("object", "ABC", "Module"), frozenset())
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            kinds |= imported(node)
        elif isinstance(node, ast.ClassDef):
            bases = [ast.unparse(base).split(".")[-1] for base in node.bases]
            needed = frozenset().union(*(kinds.get(base, frozenset()) for base in bases))
            given = frozenset(members(node)).union(*(mixins.get(base, frozenset()) for base in bases))
            if kinds.keys() & set(bases):
                is_complete = all(base in kinds or base in mixins for base in bases)
                yield node, needed - given if is_complete else frozenset()
                kinds[node.name] = needed - given
            elif mixins.keys() >= set(bases):
                mixins[node.name] = given


def imported(node: ast.ImportFrom) -> dict[str, frozenset[str]]:
    """The predictors that an import brings, by their names here, and the methods that subclasses of each must define."""
    module, _, name = (node.module or "").partition(".")
    file = baselines_folder() / f"{name}.py"
    bases: dict[str, frozenset[str]] = {}
    if module == "benchmark":
        bases = {base: frozenset(methods) for base, methods in METHODS.items()}
    elif module == "baselines" and file.is_file():
        bases = dict.fromkeys(predictors_in(ast.parse(file.read_bytes())), frozenset())
    return {alias.asname or alias.name: bases[alias.name] for alias in node.names if alias.name in bases}


def members(node: ast.ClassDef) -> list[str]:
    """The names that the body of a class defines."""
    names = []
    for child in node.body:
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.append(child.name)
        else:
            names += [
                item.id for item in ast.walk(child) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            ]
            inner = [item for item in ast.walk(child) if isinstance(item, ast.FunctionDef | ast.alias)]
            names += [getattr(item, "asname", None) or item.name for item in inner]
    return names


def misspelt_members(tree: ast.Module) -> list[str]:
    """The methods and attributes of a predictor that are missing where a similar name is defined."""
    problems = []
    for node, needed in predictor_classes(tree):
        given = members(node)
        for name in sorted(needed):
            if hint := misspelling(name, given):
                problems.append(f"{node.name} lacks {name}{hint}")
        fields = [
            name for child in node.body if isinstance(child, ast.Assign | ast.AnnAssign) for name in targets(child)
        ]
        for name in [name for name in ATTRIBUTES if name not in given]:
            if hint := misspelling(name, fields, cutoff=CLOSER):
                problems.append(f"{node.name} sets no {name}{hint}")
    return problems


def targets(node: ast.Assign | ast.AnnAssign) -> list[str]:
    """The names to which a statement assigns."""
    nodes = node.targets if isinstance(node, ast.Assign) else [node.target]
    return [target.id for target in nodes if isinstance(target, ast.Name)]


def misspelling(name: str, given: Iterable[str], *, cutoff: float = CLOSE) -> str:
    """A hint at the name that was perhaps meant to be another one, or an empty text.

    Examples:
        >>> misspelling("score", ["scroe", "helper"]), misspelling("score", ["helper"])
        ('; is scroe meant to be score?', '')
    """
    near = difflib.get_close_matches(name, list(given), n=1, cutoff=cutoff)
    return f"; is {near[0]} meant to be {name}?" if near else ""
