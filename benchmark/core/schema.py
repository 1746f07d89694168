"""Checks values from TOML against the fields of a dataclass; errors name the file, key and value."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from benchmark.core.errors import SuiteError

Item = TypeVar("Item")
WORDS = {str: "a text", bool: "true or false", int: "a whole number", float: "a number", dict: "a table"}
"""What values of TOML are called."""


def typed(kind: type, table: dict[str, Any], path: Path, where: str) -> dict[str, Any]:
    """The table with lists as tuples; each value is checked against its field's type."""
    hints = get_type_hints(kind)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}
    for name, value in values.items():
        if not fits(value, hints[name]):
            raise SuiteError(
                f"{path}: {name} = {table[name]!r} {where} has the wrong type; {in_words(hints[name])} is needed"
            )
    return values


def in_words(hint: Any) -> str:
    """What a field of a type holds.

    Examples:
        >>> in_words(bool), in_words(tuple[str, ...])
        ('true or false', 'a list of which each is a text')
    """
    if get_origin(hint) is tuple:
        return f"a list of which each is {in_words(get_args(hint)[0])}"
    return WORDS[get_origin(hint) or hint]


def fits(value: Any, hint: Any) -> bool:
    """Whether a value from TOML has a field's type; a boolean is not a number, and an integer is a valid float.

    Examples:
        >>> fits(3, float), fits(True, int), fits(("a", "b"), tuple[str, ...])
        (True, False, True)
    """
    if get_origin(hint) is tuple:
        return isinstance(value, tuple) and all(fits(item, get_args(hint)[0]) for item in value)
    kind = get_origin(hint) or hint
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))


def unknown(table: dict[str, Any], valid: set[str], path: Path, where: str) -> None:
    """Raise SuiteError at a key that is not valid."""
    for key in table:
        if key not in valid:
            raise SuiteError(f"{path}: unknown key {key!r} {where}; valid are {', '.join(sorted(valid))}")


def twice(values: Sequence[Item]) -> Item | None:
    """The first value that stands there twice; None if there is none.

    Examples:
        >>> twice(["webp", "jpeg", "webp"])
        'webp'
    """
    return next((value for value in values if values.count(value) > 1), None)
