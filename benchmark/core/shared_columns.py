"""Tables of the same images hold the columns that name them once in memory.

shared = SharedColumns(IMAGE)
tables = [shared.of(table) for table in tables]
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


class SharedColumns:
    """Replaces equal columns of several tables by those of the first, so that they are held once.

    Examples:
        >>> shared = SharedColumns(["source"])
        >>> first, second = (shared.of(pl.DataFrame({"source": ["cat", "dog"], "top": [n, 0]})) for n in (3, 5))
        >>> second
        shape: (2, 2)
        ┌────────┬─────┐
        │ source ┆ top │
        │ ---    ┆ --- │
        │ str    ┆ i64 │
        ╞════════╪═════╡
        │ cat    ┆ 5   │
        │ dog    ┆ 0   │
        └────────┴─────┘
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names
        self.distinct: list[pl.DataFrame] = []

    def of(self, table: pl.DataFrame) -> pl.DataFrame:
        """The same table; where an earlier one has equal columns of these names, with that one's."""
        columns = table.select(self.names)
        for earlier in self.distinct:
            if earlier.equals(columns):
                return table.with_columns(earlier)
        self.distinct.append(columns)
        return table
