"""The contract of a predictor as named checks, which take seconds and need no photographs or downloads.

    for check in check_predictor("my/predictor.py"):
        print(check.name, check.problem or "holds")

A predictor that learns is first trained on a few letters, of which the heavily compressed ones are non-useful.
"""

from __future__ import annotations

import contextlib
import copy
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.checks import Check
from benchmark.core.devices import prepare_process
from benchmark.core.errors import ANY_ERROR
from benchmark.core.images import Pixels
from benchmark.core.messages import cause
from benchmark.core.types import Example, Examples, Sample
from benchmark.plugins.datasets.glyphs import scene
from benchmark.plugins.distortions import compressed, find_distortion
from benchmark.plugins.predictors.answers import built, checked_scores, learned_notes, learned_state
from benchmark.plugins.predictors.base import Context, LearnedPredictor, Predictor
from benchmark.plugins.predictors.discovery import find_predictor

SIZES = ((1, 1), (7, 13), (63, 65), (3, 400), (1500, 2000))
"""Heights and widths of realistic and extreme images, in px."""
CLOSE = 1e-4
"""Largest difference of two scores of one image, in standard deviations of the scores, since scores have no scale."""
SCENES = 24
PROBE = "zoo:vgg"


def check_predictor(
    name: str, *, networks: Path | None = None, device: str = "cpu", hidden: Sequence[Path] | None = None
) -> Iterator[Check]:
    """Yield each check of a predictor, which is given by name or path and whose code is executed.

    Args:
        name: name of a predictor, or path of a .py file.
        networks: folder of weight files, for predictors that load a network.
        device: `cpu`, `cuda` or `mps`.
        hidden: folders that a predictor in a process of its own must not read; see `find_predictor`.

    Raises:
        PredictorError: it cannot be loaded at all.
    """
    prepare_process()
    _, kind, _ = find_predictor(name, hidden=hidden)
    made: list[Predictor] = []

    def make() -> str:
        made.append(trained(kind, Context(device=device, networks=networks, probe=PROBE, classifier=PROBE)))
        return ""

    first = Check("it can be built" + (" and trained" if issubclass(kind, LearnedPredictor) else ""), attempt(make))
    yield first
    if not first.problem:
        for title, test in (CHECKS if issubclass(kind, LearnedPredictor) else UNTRAINED).items():
            yield Check(title, attempt(test, made[0]))


def attempt(test: Callable[..., str], *given: Any) -> str:
    """The complaint of a check, or the error that it raised; anything it prints is dropped."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            return test(*given)
    except ANY_ERROR as error:  # third-party code may raise anything
        return cause(error)


def trained(kind: type[Predictor], context: Context) -> Predictor:
    """A predictor, which is trained if it learns."""
    predictor = built(kind, context)
    if isinstance(predictor, LearnedPredictor):
        rows = [(number, quality) for number in range(SCENES) for quality in (90, 5)]
        examples = [
            Example(letter(number, quality, kind), int(quality > 50), quality / 50 - 1 - number / 100, 1.0, number)
            for number, quality in rows
        ]
        predictor.fit(Examples.of(examples[:32]), Examples.of(examples[32:]))
    return predictor


def letter(number: int, quality: int, kind: type[Predictor]) -> Sample:
    """A letter at a JPEG quality."""
    return compressed(find_distortion("jpeg"), scene("train", number), quality, needs=kind.needs)


def letters(predictor: Predictor) -> list[Sample]:
    """Six letters at six qualities."""
    return [letter(100 + number, 15 * number + 10, type(predictor)) for number in range(6)]


def scores(predictor: Predictor, samples: Sequence[Sample]) -> NDArray[np.float64]:
    """The scores, after a check of their number and finiteness."""
    return checked_scores("it", predictor, samples, [f"sample {index}" for index in range(len(samples))])


def differ(first: NDArray[np.float64], second: NDArray[np.float64], when: str) -> str:
    """A complaint where two arrays of scores differ by more than CLOSE, else an empty text."""
    gap, worst = largest_gap(first, second)
    return f"{first[worst]!r} becomes {second[worst]!r} {when}" if gap > CLOSE else ""


def largest_gap(
    first: NDArray[np.float64], second: NDArray[np.float64], *, spread: float | None = None
) -> tuple[float, int]:
    """The largest difference of two arrays of scores of the same images, and its index.

    Args:
        first: scores, shape (N,).
        second: other scores of the same images, shape (N,).
        spread: the unit; the standard deviation of the first scores by default.

    Examples:
        >>> largest_gap(np.array([0.0, 2.0]), np.array([0.0, 2.5]))
        (0.5, 1)
    """
    gaps = np.abs(second - first)
    worst = int(gaps.argmax())
    unit = float(first.std()) if spread is None else spread
    return (float(gaps[worst]) / unit if unit else float("inf") if gaps[worst] else 0.0), worst


def rebuilt(predictor: Predictor) -> Predictor:
    """A new predictor of the same class and context, which has the same learned state and nothing else of the given one."""
    from safetensors.torch import load, save

    fresh = built(type(predictor), predictor.context)
    if isinstance(predictor, LearnedPredictor) and isinstance(fresh, LearnedPredictor):
        fresh.notes = learned_notes("it", predictor)
        fresh.load_state(load(save(learned_state("it", predictor))))
    return fresh


def finite(predictor: Predictor) -> str:
    """The predictor returns one finite number for each sample."""
    scores(predictor, letters(predictor))
    return ""


def twice(predictor: Predictor) -> str:
    """Scores are neither drawn at random nor dependent on earlier calls."""
    samples = letters(predictor)
    return differ(scores(predictor, samples), scores(predictor, samples), "the second time")


def alone(predictor: Predictor) -> str:
    """A score depends only on its own sample."""
    samples = letters(predictor)
    each = np.array([scores(predictor, [sample])[0] for sample in samples])
    return differ(scores(predictor, samples), each, "when the image comes alone")


def reordered(predictor: Predictor) -> str:
    """A score does not depend on the position in the batch."""
    samples = letters(predictor)
    return differ(scores(predictor, samples), scores(predictor, samples[::-1])[::-1], "in another order")


def untouched(predictor: Predictor) -> str:
    """The predictor does not modify the samples."""
    samples = letters(predictor)
    before = copy.deepcopy(samples)
    scores(predictor, samples)
    for sample, original in zip(samples, before, strict=True):
        for field in ("image", "reference"):
            if getattr(original, field) is not None and not getattr(sample, field).equal(getattr(original, field)):
                return f"score() changed the pixels of sample.{field}"
    return ""


def sizes(predictor: Predictor) -> str:
    """The predictor accepts images of any size, also mixed in one batch."""
    random = np.random.default_rng(0)
    small = [
        random.integers(0, 256, (max(1, height // 20), max(1, width // 20), 3), np.uint8) for height, width in SIZES
    ]
    images = [np.asarray(Image.fromarray(noise).resize(size[::-1])) for noise, size in zip(small, SIZES, strict=True)]
    samples = [compressed(find_distortion("jpeg"), image, 30, needs=type(predictor).needs) for image in images]
    for sample, size in zip(samples, SIZES, strict=True):
        try:
            scores(predictor, [sample])
        except ANY_ERROR as error:
            raise ValueError(f"an image of {size[0]} x {size[1]} px: {cause(error)}") from error
    scores(predictor, samples)
    return ""


def plain(predictor: Predictor) -> str:
    """The predictor accepts images without colour or content."""
    grey = np.repeat(scene("train", 3)[..., :1], 3, axis=2)
    flat: list[Pixels] = [np.full((64, 64, 3), value, np.uint8) for value in (0, 128, 255)]
    scores(
        predictor,
        [compressed(find_distortion("jpeg"), image, 30, needs=type(predictor).needs) for image in (grey, *flat)],
    )
    return ""


def kept(predictor: Predictor) -> str:
    """The trained state gives the same scores after it is saved as safetensors and loaded."""
    assert isinstance(predictor, LearnedPredictor)
    samples = letters(predictor)
    return differ(scores(predictor, samples), scores(rebuilt(predictor), samples), "after it was saved and loaded")


UNTRAINED: dict[str, Callable[[Predictor], str]] = {
    "one finite score for each image": finite,
    "the same scores twice": twice,
    "the same score alone and in a batch": alone,
    "the same score in any order": reordered,
    "samples are left unchanged": untouched,
    "images of any size, 1 x 1 to 1500 x 2000": sizes,
    "grey and empty images": plain,
}
CHECKS = UNTRAINED | {"it survives saving and loading": kept}
