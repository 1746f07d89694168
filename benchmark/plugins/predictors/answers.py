"""What a predictor's own code does and returns, checked; each error names the predictor.

with named("mine", "the constructor"):
    predictor = built(kind, context)
scores = checked_scores("mine", predictor, samples, sample_names)
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import ANY_ERROR, BenchmarkError, PredictorError
from benchmark.core.messages import cause, clean_line
from benchmark.core.types import Sample
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor

if TYPE_CHECKING:
    from torch import Tensor

LARGEST_SCORE = 1e100
"""Largest absolute value of a score, whose square is still a finite number."""


@contextlib.contextmanager
def named(name: str, what: str) -> Iterator[None]:
    """Turn any error of a predictor's own code into one that names the predictor; an error of this package keeps its class."""
    try:
        yield
    except BenchmarkError as error:
        if type(error).__module__ != BenchmarkError.__module__:
            raise PredictorError(f"{name}: {what} raised {cause(error)}") from error
        if not str(error).startswith(f"{name}: "):
            error.args = (f"{name}: {clean_line(str(error))}",)
        raise
    except ANY_ERROR as error:  # third-party code may raise anything
        raise PredictorError(f"{name}: {what} raised {cause(error)}") from error


def built(kind: type[Predictor], context: Context) -> Predictor:
    """A new predictor of a class.

    Raises:
        TypeError: its constructor does not call that of its base.
    """
    predictor = kind(context)
    expected = ("context", "notes") if isinstance(predictor, LearnedPredictor) else ("context",)
    if not all(hasattr(predictor, name) for name in expected):
        raise TypeError("it does not call super().__init__(context)")
    return predictor


def learned_state(name: str, predictor: LearnedPredictor) -> dict[str, Tensor]:
    """The learned tensors of a predictor, contiguous.

    Raises:
        PredictorError: `state` raises, or returns no dictionary of tensors.
    """
    from torch import Tensor

    with named(name, "state()"):
        tensors = predictor.state()
    if not isinstance(tensors, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) for key, value in tensors.items()
    ):
        raise PredictorError(f"{name}: state() returned no dictionary of tensors")
    return {key: value.contiguous() for key, value in tensors.items()}


def learned_notes(name: str, predictor: LearnedPredictor) -> dict[str, str]:
    """The notes of a predictor.

    Raises:
        PredictorError: they are no dictionary of texts.
    """
    with named(name, "notes"):
        notes: object = predictor.notes
    if not isinstance(notes, dict):
        raise PredictorError(f"{name}: notes are of type {type(notes).__name__}; a dictionary of texts is needed")
    if wrong := [key for key, value in notes.items() if not (isinstance(key, str) and isinstance(value, str))]:
        raise PredictorError(f"{name}: notes[{wrong[0]!r:.60}] is no string")
    return dict(notes)


def as_numbers(values: Sequence[float]) -> NDArray[np.float64]:
    """What a predictor returned, as an array of the same shape.

    Raises:
        TypeError: a value is no number, such as a text, a date or a boolean.

    Examples:
        >>> as_numbers([1, 2.5]).tolist()
        [1.0, 2.5]
    """
    array = np.asarray(values)
    items = values if isinstance(values, list | tuple) else () if array.dtype.kind in "fiu" else array.flat
    if wrong := {type(value) for value in items if not is_real(value)}:
        raise TypeError(f"scores are numbers, not {', '.join(sorted(kind.__name__ for kind in wrong))}")
    return np.asarray(values, np.float64)


def is_real(value: object) -> bool:
    """Whether a value is a real number, or an array or tensor of such, and nothing else that NumPy would convert to one.

    Examples:
        >>> [is_real(value) for value in (1, 10**30, np.float32(0.5), True, "1", None, 1j)]
        [True, True, True, False, False, False, False]
    """
    return np.asarray(value).dtype.kind in "fiu" or type(value) is int  # of any size


def checked_scores(
    name: str, predictor: Predictor, samples: Sequence[Sample], sample_names: Sequence[str]
) -> NDArray[np.float64]:
    """One finite score for each sample, shape (N,).

    Args:
        name: the predictor's name, for messages.
        predictor: the predictor that scores the samples.
        samples: the samples, N of them.
        sample_names: the name of each sample, for messages.

    Raises:
        PredictorError: it raises, returns another number of scores, or a score is not finite or beyond LARGEST_SCORE; the
            message names the sample.
    """
    with named(name, "score()"):
        scores = as_numbers(predictor.score(samples))
    if scores.shape != (len(samples),):
        raise PredictorError(f"{name}: returned {scores.shape} scores for {len(samples)} samples; one each is needed")
    if not np.isfinite(scores).all():
        culprit = sample_names[int(np.argmin(np.isfinite(scores)))]
        raise PredictorError(f"{name}: the score of {culprit} is not finite; the run is void")
    if (beyond := np.abs(scores) > LARGEST_SCORE).any():
        index = int(beyond.argmax())
        raise PredictorError(
            f"{name}: the score of {sample_names[index]} is {scores[index]:.3g}; scores are from {-LARGEST_SCORE:g} to "
            f"{LARGEST_SCORE:g}"
        )
    return scores
