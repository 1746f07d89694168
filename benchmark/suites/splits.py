"""Splits by source, made before any image is compressed or augmented, and the checks against leaks."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Sequence

from benchmark.core.digests import digest
from benchmark.core.errors import LabelError
from benchmark.core.types import Source
from benchmark.suites.spec import SplitChoice

logger = logging.getLogger(__name__)
Parts = dict[str, list[Source]]
PARTS = ("train", "validation", "test")
FEWEST = 2
"""Sources that a part needs at least, since intervals resample them."""


def split(sources: Sequence[Source], choice: SplitChoice, *, limit: int = 0) -> Parts:
    """Divide indexed sources into train, validation and test.

    Sources are sorted by a digest of (seed, id) and cut at the shares, so that a source's position in the order does not depend
    on the content of other sources; copies of one photograph take the position of the first and are not parted. If a dataset
    defines pools, those named like a part are that part; without a pool `validation`, the pool `train` is cut into train and
    validation. With a limit, each part keeps a proportional number of its first sources in that order.

    Raises:
        LabelError: a part would be empty, or two parts share a source.
    """
    order = sorted(sources, key=lambda source: (digest("split", str(choice.seed), source.group), source.id))
    parts: Parts
    if any(source.pool == "validation" for source in sources):
        parts = {name: [source for source in order if source.pool == name] for name in PARTS}
    elif any(source.pool for source in sources):
        rest = [source for source in order if source.pool in ("train", "")]
        cut = whole_groups(rest, round(len(rest) * choice.train / (choice.train + choice.validation)))
        parts = {
            "train": rest[:cut],
            "validation": rest[cut:],
            "test": [source for source in order if source.pool == "test"],
        }
    else:
        first = whole_groups(order, round(len(order) * choice.train))
        second = whole_groups(order, round(len(order) * (choice.train + choice.validation)))
        parts = {"train": order[:first], "validation": order[first:second], "test": order[second:]}
    for name, members in parts.items():
        if not members:
            raise LabelError(f"the part {name} has no source; {len(sources)} sources are too few for this split")
    tell_left_out(order, parts)
    if limit:
        check_limit(parts, len(order), limit)
        parts = {name: members[: limited(len(members), len(order), limit)] for name, members in parts.items()}
    check_disjoint(parts)
    return parts


def tell_left_out(sources: Sequence[Source], parts: Parts) -> None:
    """Warn of sources that are in no part, since their pool is not named like one, or they have none and others have one."""
    chosen = {source.id for members in parts.values() for source in members}
    left_out = Counter(source.pool for source in sources if source.id not in chosen)
    for pool, count in left_out.items():
        name = f"of the pool {pool!r}" if pool else "without a pool"
        logger.warning(f"{count} sources {name} are in no part; pools that are parts are called {', '.join(PARTS)}")


def check_limit(parts: Parts, total: int, limit: int) -> None:
    """Raise LabelError if a limit is above the number of sources, or leaves a part fewer than FEWEST."""
    if limit > total:
        raise LabelError(f"--limit {limit} is more than the {total} sources that there are; leave it out to take all")
    whole = {name: len(members) for name, members in parts.items()}
    least = limit
    while least < total and any(limited(size, total, least) < min(FEWEST, size) for size in whole.values()):
        least += 1
    if least > limit:
        raise LabelError(
            f"--limit {limit} leaves a part fewer than {FEWEST} sources; --limit {least} is the smallest that works"
        )


def whole_groups(order: Sequence[Source], cut: int) -> int:
    """The first place at or after a cut at which it divides no group of copies, which stand together in the order."""
    while 0 < cut < len(order) and order[cut - 1].group == order[cut].group:
        cut += 1
    return cut


def limited(members: int, total: int, limit: int) -> int:
    """Number of sources that a limit leaves of a part with so many members, in proportion to the total; at least 1.

    Examples:
        >>> limited(members=100, total=200, limit=50)
        25
    """
    return max(1, round(members * min(1.0, limit / max(1, total))))


def check_disjoint(parts: dict[str, Iterable[Source]] | Parts) -> None:
    """Raise LabelError if two parts share a photograph, by its id, its parent or its content."""
    owner: dict[str, tuple[str, str]] = {}
    for name, members in parts.items():
        for source in members:
            for key in {source.id, source.group, source.digest} - {""}:
                part, other = owner.setdefault(key, (name, source.id))
                if part != name:
                    raise LabelError(f"leak: {source.id} in {name} and {other} in {part} are of one photograph ({key})")
