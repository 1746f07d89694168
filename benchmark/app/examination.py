"""Examination: what networks and predictors say of one photograph, as it is and at every level of a codec.

    photograph = read_photograph(Path("cat.jpg").read_bytes(), "cat.jpg")
    examination = examine(photograph, Condition("webp", 20), judges)
    examination.step.size, examination.flips       # bytes at level 20; network -> the level at which its decision changes

A decision is kept or changed as in `advise`. Nothing is written: neither photograph nor bitstreams reach the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import torch

from benchmark.advice.conditions import levels_of
from benchmark.app.records import Answer, Examination, Finding, Judges, Photograph, Step, Verdict
from benchmark.core.errors import PredictorError
from benchmark.core.images import Pixels, to_tensor
from benchmark.core.types import PRISTINE, UNKNOWN, Condition, Sample, Sizes, image_name
from benchmark.deployment.inference import InferencePredictor
from benchmark.evaluation.dataloading import narrowed
from benchmark.plugins.datasets.class_names import class_names
from benchmark.plugins.distortions import decoded, decoded_sample, encoded, find_distortion
from benchmark.plugins.distortions.distortion import Distortion
from benchmark.plugins.networks.network import Network
from benchmark.plugins.predictors.answers import checked_scores
from benchmark.suites.tasks import TASKS
from benchmark.suites.tasks.found_objects import CLEAR
from benchmark.suites.tasks.replacement import unpack

RETAINED = 0.5
"""Share of its objects that a detector must find again to keep its decision, as `advise` has it by default."""
CLASSES = 3
"""Number of a classifier's classes that are told."""
Report = Callable[[int, int, str], None]
"""Is told how many of how many steps are done, and what comes next."""


def examine(
    photograph: Photograph,
    condition: Condition,
    judges: Judges,
    *,
    earlier: Examination | None = None,
    report: Report = lambda done, count, text: None,
) -> Examination:
    """Ask all judges about a photograph, as it is and at the levels of a codec.

    Args:
        photograph: the photograph.
        condition: the codec, and the level that is shown.
        judges: whom to ask.
        earlier: an examination of the same photograph by the same judges, of which answers are taken over.
        report: is told of each step.

    Raises:
        DataError: the codec cannot encode the photograph, or has no such level; the message names the limit.
        NetworkError: a network fails; the message names it.
    """
    codec = find_distortion(condition.distortion)
    bitstream = encoded(codec, photograph.pixels, condition.level, photograph.name)
    levels = sorted({condition.level, *levels_of(codec.name, "")}, reverse=True)
    same_codec = earlier is not None and earlier.condition.distortion == codec.name
    steps = {step.level: step for step in earlier.steps} if earlier and same_codec else {}
    originals = earlier.originals if earlier else ()
    if not originals:
        report(0, len(levels), "the original")
        asked = (answer(network, photograph, photograph.pixels, PRISTINE, judges) for network in judges.networks)
        originals = tuple(asked)
    for done, level in enumerate(levels):
        report(done, len(levels), f"{codec.name} at level {level}")
        if level not in steps:
            steps[level] = step_of(photograph, Condition(codec.name, level), judges, originals)
    compressed = decoded(codec, bitstream, photograph.name)
    return Examination(photograph, condition, compressed, originals, tuple(steps[level] for level in levels))


def step_of(photograph: Photograph, condition: Condition, judges: Judges, originals: Sequence[Answer]) -> Step:
    """What all judges say of the photograph at one level."""
    codec = find_distortion(condition.distortion)
    bitstream = encoded(codec, photograph.pixels, condition.level, photograph.name)
    every = {"reference", "bitstream"}
    sample = decoded_sample(codec, bitstream, photograph.pixels, needs=every, photograph=photograph.name)
    image = sample.image.permute(1, 2, 0).numpy()
    answers = [
        compared(answer(network, photograph, image, condition, judges), original)
        for network, original in zip(judges.networks, originals, strict=True)
    ]
    name = image_name(photograph.name, *condition)
    verdicts = tuple(verdict(predictor, codec, sample, name) for predictor in judges.predictors)
    return Step(condition.level, len(bitstream), tuple(answers), verdicts)


@torch.inference_mode()
def answer(network: Network, photograph: Photograph, image: Pixels, condition: Condition, judges: Judges) -> Answer:
    """What a network says of one version of the photograph."""
    task, name = TASKS[network.task], image_name(photograph.name, *condition)
    answers = network.ask(network.prepared([to_tensor(image)], judges.device), [name])
    sizes = [Sizes(photograph.pixels.shape[:2], image.shape[:2])]
    keys = {"source": [photograph.name], "digest": [""], "distortion": [condition[0]], "level": [condition[1]]}
    outcome = pl.DataFrame(keys | task.observe(network, answers, [UNKNOWN], sizes, 1.0), schema=task.SCHEMA)
    findings = objects(network, outcome) if network.task == "detection" else top_classes(network, answers)
    return Answer(network.name, findings, outcome)


def top_classes(network: Network, answers: Any) -> tuple[Finding, ...]:
    """The most probable classes of a classifier's answer to one image."""
    values = answers[0].float().cpu()
    best = (values.softmax(0) if network.logits else values).topk(min(CLASSES, network.classes))
    names = class_names(network.classes)
    pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
    return tuple(Finding(names[number], confidence) for number, confidence in pairs)


def objects(network: Network, outcome: pl.DataFrame) -> tuple[Finding, ...]:
    """The objects that a detector finds in one image."""
    (detections,) = unpack(outcome)
    names = class_names(network.classes)
    rows = zip(detections.classes.tolist(), detections.scores.tolist(), detections.boxes.tolist(), strict=True)
    return tuple(Finding(names[number], score, tuple(box)) for number, score, box in rows if score >= CLEAR)


def compared(distorted: Answer, original: Answer) -> Answer:
    """The answer to a compressed image, and whether it is the decision on the original."""
    task = "detection" if "boxes" in distorted.outcome.columns else "classification"
    decisions = TASKS[task].decisions(pl.concat([original.outcome, distorted.outcome]), RETAINED)
    return replace(distorted, kept=decisions["kept"].item())


def verdict(ready: InferencePredictor, codec: Distortion, sample: Sample, name: str) -> Verdict:
    """What a predictor says of a sample that has a reference and a bitstream; it is given what it needs."""
    needs, empty = ready.predictor.needs, Verdict(ready.name, ready.threshold)
    if problem := ready.unreadable(codec):
        return replace(empty, remark=problem)
    assert sample.bitstream is not None
    try:
        (score,) = checked_scores(ready.name, ready.predictor, narrowed([sample], needs), [name]).tolist()
    except PredictorError as error:
        return replace(empty, remark=str(error))
    (probability,) = ready.probabilities([score])
    height, width = sample.image.shape[1:]
    remarks = ready.validation_images.remarks([score], [(height, width)], [codec.format])
    return Verdict(
        ready.name,
        ready.threshold,
        score,
        probability if probability == probability else None,  # NaN where there is none
        score >= ready.threshold,
        "; ".join(remarks),
    )
