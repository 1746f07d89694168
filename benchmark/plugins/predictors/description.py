"""What a baseline says of itself, from its source: nothing is imported, so that a list of all is there at once."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from benchmark.core.errors import PredictorError
from benchmark.plugins.predictors.names import baselines_folder
from benchmark.plugins.predictors.source import predictor_classes


@dataclass(frozen=True)
class Description:
    """A baseline's first line, and what it needs beside the image."""

    about: str
    needs: frozenset[str]


def describe_baseline(name: str) -> Description:
    """The first line of a baseline's docstring, and its `needs`.

    Raises:
        PredictorError: its file has no class of a predictor with a docstring.
    """
    file = baselines_folder() / f"{name}.py"
    for node, _ in predictor_classes(ast.parse(file.read_bytes())):
        text = ast.get_docstring(node)
        if text:
            return Description(text.splitlines()[0], needs_in(node))
    raise PredictorError(f"{file}: defines no predictor with a docstring")


def needs_in(node: ast.ClassDef) -> frozenset[str]:
    """The value of `needs` in the body of a class."""
    for child in node.body:
        if isinstance(child, ast.Assign) and [ast.unparse(target) for target in child.targets] == ["needs"]:
            return frozenset(ast.literal_eval(child.value))
    return frozenset()


def listed_parts(module: str) -> list[str]:
    """The names in the table PREDICTORS of a module that adapts a library; the library need not be installed."""
    file = baselines_folder().parent / f"{module.replace('.', '/')}.py"
    tables = [node for node in ast.parse(file.read_bytes()).body if isinstance(node, ast.Assign)]
    table = next(node.value for node in tables if ast.unparse(node.targets[0]) == "PREDICTORS")
    assert isinstance(table, ast.Dict), "the table of an adapter is a dictionary"
    return [ast.literal_eval(key) for key in table.keys if key]


def baseline_source(name: str) -> tuple[str, str]:
    """The docstring of a baseline's file, and its code; both are empty for a predictor that is no file of the package."""
    file = baselines_folder() / f"{name}.py"
    if not name.isidentifier() or not file.is_file():
        return "", ""
    source = file.read_text(encoding="utf-8")
    return ast.get_docstring(ast.parse(source)) or "", source
