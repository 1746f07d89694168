"""A ladder: one photograph at all levels of a codec, its bytes, what each network answers, and where its answer changes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.types import PRISTINE, Condition
from benchmark.evaluation.results import SuiteResults
from benchmark.labelling.recorded import read_labels, read_outcomes_of, read_sources
from benchmark.leaderboard.site.photographs import Photographs, Picture
from benchmark.plugins.datasets.class_names import dataset_class_names
from benchmark.plugins.distortions import find_distortion
from benchmark.suites.spec import COMBINED

LADDERS = 2
"""Codecs that one photograph is shown with, at most."""
LABELS = {1: "useful", 0: "non-useful", -1: "no label"}


@dataclass(frozen=True)
class Answer:
    """What a network answers at one level."""

    text: str
    is_kept: bool
    """Whether it is the answer on the pristine image."""


@dataclass(frozen=True)
class Ladder:
    """One photograph at all levels of a codec, the pristine image first, then the highest level."""

    codec: str
    source: str
    credit: str
    levels: tuple[int, ...]
    """Without the pristine image."""
    pictures: tuple[Picture, ...]
    labels: tuple[str, ...]
    """Combined label at each level; empty where none was recorded."""
    answers: dict[str, tuple[Answer, ...]]
    """Network -> its answer to each picture."""

    def change(self, network: str) -> int | None:
        """The highest level at which a network answers otherwise than on the pristine image; None where it never does."""
        pairs = zip(self.levels, self.answers[network][1:], strict=True)
        return next((level for level, answer in pairs if not answer.is_kept), None)


Tops = dict[str, NDArray[np.int64]]
"""Network -> its answers, shape (sources, 1 + levels): to the pristine images, then from the highest level down."""


def ladders(ranked: SuiteResults, photographs: Photographs, *, sharp: bool = False) -> list[Ladder]:
    """Ladders of one photograph of the test part, one for each codec.

    All networks are right on its pristine version, and none returns to an earlier answer at a lower level of these codecs.

    Args:
        ranked: the results of the suite.
        photographs: those of the suite.
        sharp: whether to choose the photograph at which all networks change their answers at nearly one level, the highest
            there is; else the one at which they do so at the most different levels.

    Returns:
        Nothing for suites of detection, whose answers are no names, or where there is no such photograph.
    """
    suite = ranked.suite
    codecs = [choice.name for choice in suite.distortions if find_distortion(choice.name).kind == "codec"][:LADDERS]
    if suite.task != "classification" or not codecs:
        return []
    table, metadata = read_sources(ranked.folder, suite.task)
    test = table.filter(part="test").sort("source")
    answered = {codec: answers_to(ranked, codec, test["source"].to_list()) for codec in codecs}
    choose = sharpest if sharp else most_gradual
    changes = {codec: changes_of(tops, test["class"].to_numpy()) for codec, (_, tops) in answered.items()}
    chosen = choose(changes[codecs[0]][0], np.all([shown for _, shown in changes.values()], axis=0))
    if chosen is None:
        return []
    source = test["source"][chosen]
    names = dataset_class_names(suite.dataset["name"], metadata["classes"])
    return [
        Ladder(
            codec, source, photographs.credits[source], levels, pictures_of(photographs, source, codec, levels),
            labels_of(ranked, source, codec, levels),
            {name: answers_in_words(answers[chosen], names) for name, answers in tops.items()},
        )
        for codec, (levels, tops) in answered.items()
    ]  # fmt: skip


def answers_to(ranked: SuiteResults, codec: str, sources: list[str]) -> tuple[tuple[int, ...], Tops]:
    """The recorded levels of a codec, highest first, and what labelling and held-out networks answer on these sources."""
    networks, tops = ranked.suite.networks, {}
    of_codec = pl.col("distortion").is_in([codec, PRISTINE.distortion]) & pl.col("source").is_in(sources)
    levels: tuple[int, ...] = ()
    for name in (*networks.labelling, *networks.held_out):
        table, _ = read_outcomes_of(ranked.home, name, ranked.suite.task)
        rows = table.filter(of_codec).sort("source")
        levels = tuple(sorted(set(rows["level"]) - {PRISTINE.level}, reverse=True))
        columns = [rows.filter(level=level)["top"].to_numpy() for level in (PRISTINE.level, *levels)]
        tops[name] = np.stack(columns, axis=1).astype(np.int64)
    return levels, tops


def changes_of(tops: Tops, truth: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of the first level at which each network answers otherwise, (networks, sources), and which sources to show.

    The position is 0 where a network keeps its answer at all levels. Sources to show are those on whose pristine version all
    networks are right, and to which none of them returns to its first answer at a lower level.
    """
    kept = np.stack([answers == answers[:, :1] for answers in tops.values()])
    right: NDArray[np.bool_] = np.all([answers[:, 0] == truth for answers in tops.values()], axis=0)
    returns: NDArray[np.bool_] = np.any(np.diff(kept.astype(int), axis=2) > 0, axis=(0, 2))
    return kept.argmin(axis=2) * ~kept.all(axis=2), right & ~returns


def most_gradual(changes: NDArray[np.int64], shown: NDArray[np.bool_]) -> int | None:
    """The source at which the networks change their answers at the most different levels; None where there is none."""
    different = np.array([len(set(column) - {0}) for column in changes.T])
    quality = np.where(shown, different, 0)
    return int(quality.argmax()) if quality.any() else None


def sharpest(changes: NDArray[np.int64], shown: NDArray[np.bool_]) -> int | None:
    """The source at which all networks change at the closest levels, the highest of them; None where there is none."""
    shown = shown & (changes > 1).all(axis=0)
    span = (changes.max(axis=0) - changes.min(axis=0)) * 100 + changes.max(axis=0)
    return int(np.where(shown, span, np.iinfo(np.int64).max).argmin()) if shown.any() else None


def pictures_of(photographs: Photographs, source: str, codec: str, levels: tuple[int, ...]) -> tuple[Picture, ...]:
    """The pristine image, and that at each level."""
    return (
        photographs.pristine(source),
        *(photographs.distorted(source, Condition(codec, level)) for level in levels),
    )


def labels_of(ranked: SuiteResults, source: str, codec: str, levels: tuple[int, ...]) -> tuple[str, ...]:
    """The combined label at each level in words; empty where none was recorded."""
    table, _ = read_labels(ranked.folder.labels)
    rows = table.filter(source=source, distortion=codec)
    labels = dict(rows.select("level", COMBINED).iter_rows())
    return tuple(LABELS[labels[level]] if level in labels else "" for level in levels)


def answers_in_words(tops: NDArray[np.int64], names: tuple[str, ...]) -> tuple[Answer, ...]:
    """The answers of one network, that on the pristine image first."""
    return tuple(Answer(names[top], bool(top == tops[0])) for top in tops.tolist())
