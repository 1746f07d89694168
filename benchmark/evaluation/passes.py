"""A pass: several predictors score the same images, each of which is read, encoded and decoded once for all of them.

    mine = Entrant.of("mine", predictor)
    results = score_images({"mine": mine}, indexed, rows, secret, what="glyphs")

The error of one predictor is its result, and stops no other.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Concatenate, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from benchmark.core.devices import ahead
from benchmark.core.errors import BenchmarkError
from benchmark.core.files import file_errors
from benchmark.core.images import Pixels
from benchmark.core.progress import show_progress
from benchmark.core.types import Image, Sample, image_name
from benchmark.evaluation.dataloading import narrowed, samples
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.plugins.predictors.answers import checked_scores, named
from benchmark.plugins.predictors.base import Predictor
from benchmark.plugins.predictors.contract import rebuilt

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")
Given = ParamSpec("Given")


class Abandoned(Exception):
    """No predictor of a pass is left."""


@dataclass(frozen=True, eq=False)
class Entrant:
    """A predictor that takes part in a pass."""

    name: str
    """The predictor's name, for messages."""
    predictor: Predictor
    """The predictor, trained if it learns."""
    fresh: Predictor
    """Another one with the same learned state, which has scored nothing."""
    needs: frozenset[str]
    """The extra inputs that its class asks for."""
    device: str

    @classmethod
    def of(cls, name: str, predictor: Predictor) -> Entrant:
        """A predictor that has not scored yet, as an entrant.

        Raises:
            PredictorError: no second one can be made of its learned state.
        """
        with named(name, "a second one of the same state"):
            return cls(name, predictor, rebuilt(predictor), frozenset(type(predictor).needs), predictor.context.device)


@dataclass(eq=False)
class Tally:
    """What a predictor has scored in a pass."""

    entrant: Entrant
    scores: NDArray[np.float64]
    """A score for each image, shape (N,); NaN for those that are still to come."""
    seconds: float = 0.0
    """The time that the predictor itself took."""

    def add(self, indices: Sequence[int], batch: Sequence[Sample], names: Sequence[str]) -> None:
        """Let the predictor score the images at these indices, and measure the time that it takes itself."""
        own = narrowed(batch, self.entrant.needs)
        start = time.perf_counter()
        self.scores[indices] = checked_scores(self.entrant.name, self.entrant.predictor, own, names)
        self.seconds += time.perf_counter() - start


def attempted(work: Callable[Given, Result], *given: Given.args, **options: Given.kwargs) -> Result | BenchmarkError:
    """What a function returns, or the error that it raises; what the system refuses about files is a FileError."""
    try:
        with file_errors(None):
            return work(*given, **options)
    except BenchmarkError as error:
        return error


def divided(results: Mapping[Key, Result | BenchmarkError]) -> tuple[dict[Key, Result], dict[Key, BenchmarkError]]:
    """The results that are no errors, and the errors."""
    errors = {key: result for key, result in results.items() if isinstance(result, BenchmarkError)}
    return {key: result for key, result in results.items() if not isinstance(result, BenchmarkError)}, errors


def attempted_together(
    work: Callable[Concatenate[Mapping[Key, Entrant], Given], dict[Key, Result | BenchmarkError]],
    entrants: Mapping[Key, Entrant],
    *given: Given.args,
    **options: Given.kwargs,
) -> dict[Key, Result | BenchmarkError]:
    """What a function returns for each of some predictors; the error that it raises itself is that of all of them."""
    results = attempted(work, entrants, *given, **options)
    return dict.fromkeys(entrants, results) if isinstance(results, BenchmarkError) else results


def shared_needs(entrants: Mapping[Key, Entrant]) -> frozenset[str]:
    """The extra inputs that any of the entrants asks for."""
    return frozenset().union(*(entrant.needs for entrant in entrants.values()))


def score_images(
    entrants: Mapping[Key, Entrant],
    indexed: IndexedSuite,
    rows: Sequence[Image],
    secret: str,
    *,
    what: str,
    change: Callable[[Pixels], Pixels] | None = None,
    note: str = "",
) -> dict[Key, Tally | BenchmarkError]:
    """Let predictors score images, batch by batch; each image is read, encoded and decoded once for all of them.

    Args:
        entrants: the predictors, one at least, each by a key.
        indexed: the suite.
        rows: source, distortion and level of each image, N of them.
        secret: decides the order of the images; see `samples`.
        what: what the images are, for the title of the progress.
        change: makes other pixels of pristine ones.
        note: what messages add to the name of an image.

    Returns:
        The scores of each predictor, by its key, or its error.

    Raises:
        DataError: an image cannot be read, encoded or decoded.
    """
    names = {entrant.name for entrant in entrants.values()}
    title = f"{names.pop()} scores {what}" if len(names) == 1 else f"{len(names)} predictors score {what}"
    tallies = {key: Tally(entrant, np.full(len(rows), np.nan)) for key, entrant in entrants.items()}
    scoring, failed = dict(tallies), dict[Key, BenchmarkError]()
    device = next(iter(entrants.values())).device
    coming = samples(indexed, rows, shared_needs(entrants), secret, change=change)
    with contextlib.suppress(Abandoned), show_progress(title, len(rows), "images") as advance:
        for indices, batch in ahead(coming, device):
            images = [image_name(*rows[index]) + note for index in indices]
            adding = {key: attempted(tally.add, indices, batch, images) for key, tally in scoring.items()}
            failed |= divided(adding)[1]
            scoring = {key: tally for key, tally in tallies.items() if key not in failed}
            if not scoring:
                raise Abandoned
            advance(len(batch))
    return tallies | failed
