r"""Advice: the cheapest codec and level at which a network still decides on a person's photographs as on the originals.

    advice = benchmark.advise(["holiday/"], networks=["timm:tf_efficientnet_lite0"], codecs=["jpeg", "webp"])
    print("\n".join(advice.sentences))
    advice.table                          # a polars table, a row for each network, codec and level
    advice.plot().savefig("advice.png")

No label is needed. A decision is *kept* where a classifier predicts the class that it predicts on the original, and where a
detector finds again at least half of the objects that it finds there, with score and IoU of .5.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from benchmark.advice.choosing import EVERY, Choice, choose, table_of, with_every
from benchmark.advice.conditions import CODECS, tried
from benchmark.advice.grouping import choosing_half, grouped
from benchmark.advice.observation import Observation, observe
from benchmark.core.errors import NetworkError, SuiteError
from benchmark.core.storage import absolute
from benchmark.core.types import CONDITION, CONSENSUS
from benchmark.core.workspace import Workspace
from benchmark.labelling.execution import PUBLISHED, ExecutionConfig
from benchmark.metrics.proportions import photographs_to_show
from benchmark.plugins.distortions import scaled
from benchmark.suites.tasks.replacement import SIZES

FEW = 30
"""Below this number of photographs it is said what cannot be concluded."""


@dataclass(frozen=True, eq=False)
class Advice:
    """What networks keep of their decisions under every condition, and the levels that follow."""

    observation: Observation
    """The photographs, outcomes and conditions."""
    keep: float
    """Share of the decisions that shall be kept."""
    groups: dict[str, str]
    """Photograph -> group; groups are taken as independent."""
    chosen_by: frozenset[str]
    """The photographs by which levels were chosen; `table` and choices report on the others."""
    decisions: dict[str, pl.DataFrame]
    """Network -> whether it keeps its decision on each image, and `all networks` where there are several."""
    table: pl.DataFrame
    """A row for each network, codec, resolution and level: columns network, codec, resize (share of the sides), level, kept,
    low, high (share of decisions kept and its interval of 95 %, 0 to 1), photographs (those with a decision),
    kept_when_chosen (on the other half), bytes and original_bytes (mean of a photograph)."""
    choices: tuple[Choice, ...]
    """The advised level of each network, codec and resolution."""

    @property
    def sentences(self) -> list[str]:
        """What is advised for each network, and what the number of photographs does not allow to say."""
        networks = list(dict.fromkeys(choice.network for choice in self.choices))
        lines = []
        for name in networks:
            own = [choice for choice in self.choices if choice.network == name]
            lines.append(sentence(self.keep, name, own, most=self.most_kept(name)))
        return lines + self.reservations

    def most_kept(self, network: str) -> str:
        """The condition at which a network keeps most decisions, as the end of a sentence; empty if it decides nothing."""
        rows = self.table.filter(pl.col("network") == network).drop_nulls(["kept", "kept_when_chosen"])
        if rows.is_empty():
            return ""
        row = rows.sort("kept_when_chosen", "kept", "bytes", descending=[True, True, False]).row(0, named=True)
        name = Choice(network, row["codec"], row["resize"], row["level"]).name
        return (
            f"; {name} keeps most there, {percent(row['kept_when_chosen'])}, and {percent(row['kept'])} on the other half, at "
            f"{percent(row['bytes'] / row['original_bytes'])} of the bytes"
        )

    @property
    def reservations(self) -> list[str]:
        """What cannot be concluded from so few photographs or groups, or is left out."""
        lines = []
        report = len({group for name, group in self.groups.items() if name not in self.chosen_by})
        if (count := len(self.observation.sources)) < FEW:
            lines.append(
                f"With {count} photographs this is a first impression: half of them choose the levels, and {report} report, "
                f"which can show no more than that {percent(lowest_shown(report))} are kept."
            )
        if any(choice.best and choice.low is not None and choice.low < self.keep for choice in self.choices):
            lines.append(f"The intervals reach below {percent(self.keep)}; {what_shows(self.keep)}.")
        for name, table in self.decisions.items():
            total = table["source"].n_unique()
            empty = total - table.drop_nulls("kept")["source"].n_unique()
            if empty:
                lines.append(f"{name} finds nothing in {empty} of {total} originals, which take no part.")
        return lines

    @property
    def sizes(self) -> pl.DataFrame:
        """Share of a detector's objects that are found again, by their size, at each level; empty without detectors.

        Columns network, codec, level, size (small, medium or large, as COCO has them), objects and kept (0 to 1), over all
        photographs.
        """
        rows = []
        for name, table in self.decisions.items():
            if "small" not in table.columns:
                continue
            for (codec, level), members in table.group_by(CONDITION, maintain_order=True):
                for size in SIZES:
                    objects, again = int(members[size].sum()), int(members[f"{size} again"].sum())
                    rows.append((name, codec, level, size, objects, again / objects if objects else None))
        schema = {"network": pl.String, "codec": pl.String, "level": pl.Int64, "size": pl.String, "objects": pl.Int64}
        return pl.DataFrame(rows, schema=schema | {"kept": pl.Float64}, orient="row")

    def first_flips(self, choice: Choice) -> pl.DataFrame:
        """The photographs on which a network changes its decision, those first that do so at the highest level of this codec.

        Returns:
            Columns source and level, the highest level at which the decision is another one.
        """
        name = scaled(choice.codec, choice.resize)
        lost = self.decisions[choice.network].filter(pl.col("distortion") == name, ~pl.col("kept"))
        return lost.group_by("source").agg(pl.col("level").max()).sort("level", "source", descending=[True, False])

    def as_json(self) -> dict[str, Any]:
        """The table and the choices, for a machine to read: shares 0 to 1, bytes a photograph."""
        return {
            "keep": self.keep,
            "photographs": len(self.observation.sources),
            "rows": self.table.to_dicts(),
            "choices": [dataclasses.asdict(choice) for choice in self.choices],
            "sizes": self.sizes.to_dicts(),
            "sentences": self.sentences,
        }

    def plot(self) -> Any:
        """A figure of matplotlib: share of decisions kept against bytes a photograph, a panel for each network."""
        from benchmark.advice.figure import picture

        return picture(self.table, self.choices, self.keep)


def advise(
    photographs: Sequence[str | Path] | str | Path,
    networks: Sequence[str],
    *,
    codecs: Sequence[str] = CODECS,
    keep: float = 0.99,
    retained: float = 0.5,
    resize: Sequence[float] = (1.0,),
    group: str = "auto",
    limit: int = 0,
    execution: ExecutionConfig = PUBLISHED,
    workspace: Workspace | None = None,
) -> Advice:
    """Find the cheapest codec and level at which networks decide on these photographs as on the originals.

    Args:
        photographs: files and folders, or one address of a folder; their files are the originals.
        networks: names such as `timm:tf_efficientnet_lite0` or `onnx:yolox_nano`; classifiers and detectors may be mixed.
        codecs: names, each alone or with its levels as in `jpeg:90/70/50`.
        keep: share of the decisions that shall be kept, above 0 and at most 1.
        retained: share of the objects, above 0 and at most 1, that a detector must find again to keep its decision.
        resize: shares of the sides to which photographs are reduced before they are encoded, above 0 and at most 1.
        group: `photograph`; `folder`, if those of a folder resemble each other; or `auto`, see `grouping`.
        limit: about so many of the photographs, evenly spread; 0 for all.
        execution: precision, compilation and engine.
        workspace: folders and device; by default those of the environment, and the best available device.

    Raises:
        BenchmarkError: a photograph, network, codec or value is not valid; the message names it.
    """
    for name, value in (("keep", keep), ("retained", retained), *(("resize", share) for share in resize)):
        if not 0 < value <= 1:
            raise SuiteError(f"{name} is {value}; it is a share above 0 and at most 1")
    if not networks:
        raise NetworkError("no network is named; name one as source:model, such as timm:tf_efficientnet_lite0")
    if EVERY in networks:
        raise NetworkError(f"{EVERY!r} is no network")
    paths = [photographs] if isinstance(photographs, str | Path) else photographs
    workspace = workspace or Workspace.named()
    dataset = {"name": "folder", "path": [absolute(path) for path in paths], "truth": CONSENSUS}
    observation = observe(dataset, networks, tried(codecs, resize), workspace, execution=execution, limit=limit)
    groups = grouped(observation.sources, group)
    chosen_by = choosing_half(groups)
    originals = {source.id: observation.dataset.bits(source.id) for source in observation.sources}
    decisions = with_every({name: observation.decisions(name, retained) for name in observation.outcomes})
    table = table_of(decisions, observation.images, originals, groups, chosen_by)
    return Advice(observation, keep, groups, frozenset(chosen_by), decisions, table, choose(table, keep))


def sentence(keep: float, network: str, choices: Sequence[Choice], *, most: str = "") -> str:
    """The advice for one network, as one sentence; `most` tells of the level that keeps most where none keeps enough."""
    possible = sorted(
        (choice for choice in choices if choice.level is not None), key=lambda choice: choice.share_of_bytes
    )
    if not possible:
        names = ", ".join(dict.fromkeys(choice.codec for choice in choices))
        return (
            f"{network}: no level that was tried of {names} keeps {percent(keep)} of the decisions, with all levels above it, "
            f"on the half of the photographs that chooses{most}."
        )
    best, *others = possible
    needs = "".join(f"; {other.name} needs {percent(other.share_of_bytes)}" for other in others)
    kept = f"{percent(best.kept)} ({percent(best.low, sign=False)} to {percent(best.high, sign=False)})"
    return f"{network}: {best.name}: {kept} of decisions kept at {percent(best.share_of_bytes)} of the bytes{needs}."


def percent(share: float | None, *, sign: bool = True) -> str:
    """A share in per cent, with one decimal from 90 % to 100 % and none elsewhere.

    Examples:
        >>> percent(0.991), percent(0.214), percent(1.0, sign=False), percent(0.0012)
        ('99.1 %', '21 %', '100', '0.1 %')
    """
    assert share is not None
    value = 100 * share
    text = f"{value:.1f}".removesuffix(".0") if value >= 90 or value < 1 else f"{value:.0f}"
    return f"{text} %" if sign else text


def what_shows(share: float) -> str:
    """How many photographs would show that a share is kept, as the end of a sentence."""
    if share == 1:
        return "that all are kept cannot be shown"
    return f"to show that share, {photographs_to_show(share)} independent photographs must report and all be kept"


def lowest_shown(photographs: int) -> float:
    """The lower end of the interval where so many independent photographs are all kept, 0 to 1."""
    return float(0.025 ** (1 / photographs)) if photographs > 1 else 0.0
