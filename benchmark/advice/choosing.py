"""The choice of a level for each codec, by one half of the photographs, and its report on the other half.

A level is chosen if the network keeps at least the wanted share of its decisions there and at every level above, and the lowest
such level is the choice; choosing and reporting on the same photographs would flatter it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from benchmark.core.types import CONDITION
from benchmark.metrics.proportions import share_interval
from benchmark.plugins.distortions import unscaled

EVERY = "all networks"
"""The name under which the decisions of several networks are taken together: kept where each of them keeps its own."""
ROW = pl.Schema(
    {
        "network": pl.String,
        "codec": pl.String,
        "resize": pl.Float64,
        "level": pl.Int64,
        "kept": pl.Float64,
        "low": pl.Float64,
        "high": pl.Float64,
        "photographs": pl.Int64,
        "kept_when_chosen": pl.Float64,
        "bytes": pl.Float64,
        "original_bytes": pl.Float64,
    }
)
"""The columns of `table_of`."""


@dataclass(frozen=True)
class Choice:
    """The level that is advised for one network and one codec at one resolution."""

    network: str
    codec: str
    resize: float
    """Share of the photograph's sides, 1 where it is left as it is."""
    level: int | None
    """The level, or None where no level keeps the wanted share; then all below is None as well."""
    kept: float | None = None
    """Share of the decisions that are kept, 0 to 1, on the reporting half."""
    low: float | None = None
    high: float | None = None
    """Ends of its interval of 95 % confidence."""
    bytes: float | None = None
    """Mean size of a compressed photograph."""
    original_bytes: float | None = None
    """Mean size of the files as they are."""
    best: bool = False
    """Whether it takes the fewest bytes of all choices for this network."""

    @property
    def name(self) -> str:
        """Codec, level and resolution, as in `webp 65 at 50 % of the sides`."""
        reduced = "" if self.resize == 1 else f" at {100 * self.resize:.0f} % of the sides"
        return f"{self.codec} {self.level}{reduced}"

    @property
    def share_of_bytes(self) -> float:
        """Its bytes as a share of those of the files as they are; only where a level was chosen."""
        assert self.bytes is not None and self.original_bytes is not None
        return self.bytes / self.original_bytes


def with_every(decisions: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """The decisions of each network, and where there are several, of all of them together."""
    tables = dict(decisions)
    if len(tables) > 1:
        rows = pl.concat(table.select("source", *CONDITION, "kept") for table in tables.values())
        every = rows.group_by("source", *CONDITION, maintain_order=True).agg(pl.col("kept").min())
        tables[EVERY] = every
    return tables


def table_of(
    decisions: Mapping[str, pl.DataFrame],
    images: pl.DataFrame,
    originals: Mapping[str, int],
    groups: Mapping[str, str],
    chosen_by: set[str],
) -> pl.DataFrame:
    """What is kept and what it costs, for each network, codec and level.

    Args:
        decisions: network -> columns source, distortion, level, and kept, which is null where the network decides nothing.
        images: columns source, distortion, level and bits.
        originals: source -> bits of its file.
        groups: source -> its group.
        chosen_by: the sources by which levels are chosen; the others report.

    Returns:
        The columns ROW: shares with their intervals and mean bytes are of the reporting half, `kept_when_chosen` of the other.
    """
    rows = []
    for network, table in decisions.items():
        joined = table.join(images, on=["source", *CONDITION], how="left", maintain_order="left")
        for (distortion, level), members in joined.group_by(CONDITION, maintain_order=True):
            codec, resize = unscaled(str(distortion))
            condition = {"network": network, "codec": codec, "resize": resize, "level": level}
            rows.append(condition | measured(members, originals, groups, chosen_by))
    return pl.DataFrame(rows, schema=ROW)


def measured(
    members: pl.DataFrame, originals: Mapping[str, int], groups: Mapping[str, str], chosen_by: set[str]
) -> dict[str, float | None]:
    """What is kept of the decisions on the images of one condition, and what they cost; see `table_of`."""
    is_chosen_by = pl.col("source").is_in(list(chosen_by))
    report, choose_by = members.filter(~is_chosen_by), members.filter(is_chosen_by)
    decided = report.drop_nulls("kept")
    kept: Sequence[float | None] = (None, None, None)
    if decided.height:
        kept = share_interval(decided["kept"], [groups[source] for source in decided["source"]])
    files = [originals[source] for source in report["source"]]
    when_chosen = choose_by["kept"].drop_nulls().to_numpy()
    return dict(zip(("kept", "low", "high"), kept, strict=True)) | {
        "photographs": decided.height,
        "kept_when_chosen": float(when_chosen.mean()) if len(when_chosen) else None,
        "bytes": float(report["bits"].to_numpy().mean()) / 8,
        "original_bytes": float(np.mean(files)) / 8,
    }


def choose(table: pl.DataFrame, keep: float) -> tuple[Choice, ...]:
    """The choices for each network, codec and resolution, in the order of the table; `keep` is the share to be kept."""
    choices = []
    for (network, codec, resize), levels in table.group_by("network", "codec", "resize", maintain_order=True):
        chosen: dict[str, Any] = {"level": None}
        for row in levels.sort("level", descending=True).iter_rows(named=True):
            if row["kept_when_chosen"] is None or row["kept_when_chosen"] < keep or row["kept"] is None:
                break
            chosen = {name: row[name] for name in ("level", "kept", "low", "high", "bytes", "original_bytes")}
        choices.append(Choice(str(network), str(codec), float(str(resize)), **chosen))
    return tuple(marked(choices))


def marked(choices: Sequence[Choice]) -> list[Choice]:
    """The choices, with the cheapest one of each network marked."""
    cheapest: dict[str, Choice] = {}
    for choice in sorted(
        (choice for choice in choices if choice.level is not None), key=lambda choice: choice.share_of_bytes
    ):
        cheapest.setdefault(choice.network, choice)
    return [replace(choice, best=choice is cheapest.get(choice.network)) for choice in choices]
