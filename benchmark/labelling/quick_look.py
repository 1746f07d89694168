"""Quick looks: whether a limited suite has enough labels, found out before any work, and the limit that would suffice."""

from __future__ import annotations

from dataclasses import replace

from benchmark.core.errors import LabelError, ResultError
from benchmark.core.workspace import Workspace
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.labelling.pipeline import recorded_truth
from benchmark.suites.splits import limited

LEAST = 3
"""Number of sources of each label that a limited suite should have in each part."""


def check_labelled(truth: GroundTruth, label_set: str, parts: tuple[str, ...], workspace: Workspace) -> None:
    """Raise LabelError, before any work, if a part has no row of one of the labels; the message gives a limit that suffices."""
    try:
        for part in parts:
            truth.labelled(label_set, part)
    except LabelError as error:
        if not truth.suite.limit:
            raise
        try:
            least = least_limit(recorded_truth(replace(truth.suite, limit=0), workspace), label_set, parts)
        except ResultError:  # the whole suite is not labelled yet
            raise error from None
        raise LabelError(f"{error}; --limit {least} would do") from error


def least_limit(whole: GroundTruth, label_set: str, parts: tuple[str, ...]) -> int:
    """The smallest `--limit` with which each part has LEAST sources with rows of either label, or all if fewer.

    Args:
        whole: ground truth of the whole suite; a limited one takes the first sources of each of its parts.
        label_set: the label set that is used.
        parts: the parts that need both labels.
    """
    originals = {part: [source for source in members if not source.parent] for part, members in whole.parts.items()}
    total, least = sum(map(len, originals.values())), 1
    for part in parts:
        order = {source.id: number for number, source in enumerate(originals[part], start=1)}
        rows = whole.labelled(label_set, part)
        for value in (0, 1):
            firsts = sorted({order.get(name, total) for name in rows.filter(label=value)["source"]})
            needed = firsts[min(LEAST, len(firsts)) - 1]
            while limited(len(order), total, least) < needed:
                least += 1
    return least
