"""Digests of predictors' code, by which stored scores are known to be of the present code; nothing is executed.

baseline_code("ssim")          # the same in all versions of Python, whatever comments, docstrings and layout
"""

from __future__ import annotations

import ast
import functools
import textwrap
from pathlib import Path

from benchmark.core.digests import digest
from benchmark.core.errors import PredictorError
from benchmark.plugins.predictors.names import baselines_folder
from benchmark.plugins.predictors.source import NO_SOURCE, decoded, read_source, reason


def module_digest(path: Path) -> str:
    """Digest of the code of a Python file, which is read and not executed; see `code_digest`.

    Raises:
        PredictorError: it is no Python.
    """
    try:
        return code_digest(decoded(read_source(path)))
    except NO_SOURCE as error:
        raise PredictorError(f"{path}: cannot be read as Python ({reason(error)})") from error


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
    return digest(written(tree), *others)


def written(node: object) -> str:
    """A syntax tree as text that is the same in all versions of Python, which have other fields where those are empty.

    Examples:
        >>> written(ast.parse("x = 1").body[0].value)
        'Constant(value=1)'
    """
    if isinstance(node, ast.AST):
        filled = [(name, value) for name, value in ast.iter_fields(node) if value not in (None, [])]
        return f"{type(node).__name__}({', '.join(f'{name}={written(value)}' for name, value in filled)})"
    return f"[{', '.join(map(written, node))}]" if isinstance(node, list) else repr(node)


@functools.cache
def baseline_code(name: str) -> str:
    """Digest of the present code of a baseline, which is read and not executed; empty if there is no baseline of this name."""
    path = baselines_folder() / f"{name}.py"
    return module_digest(path) if name.isidentifier() and path.is_file() else ""


def is_text(node: object) -> bool:
    """Whether a statement is only a string, such as a docstring."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
