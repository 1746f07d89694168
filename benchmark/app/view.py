"""An examination as HTML: both images with what detectors find, tables of networks and predictors, and the curves.

Images stand in the page itself, as PNG, so that nothing of a photograph is written to a file.
"""

from __future__ import annotations

import html
from pathlib import Path
from typing import Any

import jinja2

from benchmark.advice.advise import percent
from benchmark.advice.figure import drawn
from benchmark.advice.report import counted
from benchmark.app.curves import MARKS, curves
from benchmark.app.records import Answer, Examination, Finding, Step, Verdict
from benchmark.core.images import Pixels
from benchmark.core.messages import printable
from benchmark.core.pictures import image_address

TEMPLATE = Path(__file__).with_name("examination.html")
CSS = Path(__file__).with_name("page.css")
SIDE = 1024
"""Longest side of what is shown of an image, in px."""


def examination_html(examination: Examination, suite: str) -> str:
    """The part of the page that shows an examination; `suite` is that of the predictors' training."""
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    svg = drawn(curves(examination), "svg").decode()
    longest = max(examination.photograph.pixels.shape[:2])
    reduced = f"Shown at {SIDE} of {longest} px on the longer side; networks and predictors see all."
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        headline=headline(examination),
        pictures=pictures(examination),
        shown=reduced if longest > SIDE else "",
        networks=network_rows(examination),
        predictors=[verdict_row(verdict) for verdict in examination.step.verdicts],
        suite=suite,
        codec=examination.condition.distortion,
        figure=svg[svg.index("<svg") :],
        heads=heads(examination),
        levels=[level_row(step, examination) for step in examination.steps],
    )


def message_html(text: str) -> str:
    """A message to the person at the page, in one line."""
    return f'<p class="message" role="alert">{html.escape(printable(text))}</p>'


def headline(examination: Examination) -> str:
    """What was done, and what became of the bytes and of the networks' decisions."""
    step, size = examination.step, examination.photograph.size
    deciding = [answer for answer in step.answers if answer.kept is not None]
    decisions = (
        f"; {sum(answer.kept is True for answer in deciding)} of {len(deciding)} networks decide as on the original"
    )
    if len(deciding) < 2:
        decides = [f"decides {'as on the original' if answer.kept else 'otherwise'}" for answer in deciding]
        decisions = "".join(
            f"; {printable(answer.network)} {text}" for answer, text in zip(deciding, decides, strict=True)
        )
    share = percent(examination.share)
    sizes = f"{step.size:,} bytes, {share} of the original file's {size:,}"
    return f"{printable(examination.photograph.name)} as {examination.condition}: {sizes}{decisions}."


def pictures(examination: Examination) -> list[dict[str, Any]]:
    """The original and the compressed image: alone if no network is a detector, else once for each detector, with boxes."""
    size, step = examination.photograph.size, examination.step
    images = [
        (f"original, {size:,} bytes", examination.photograph.pixels, examination.originals),
        (f"{examination.condition}, {step.size:,} bytes", examination.compressed, step.answers),
    ]
    addresses = [image_address(pixels, SIDE, "PNG", compress_level=3) for _, pixels, _ in images]
    detectors = [number for number, own in enumerate(examination.originals) if "boxes" in own.outcome.columns]
    shown = []
    for detector in detectors or [-1]:
        for (caption, pixels, answers), link in zip(images, addresses, strict=True):
            if detector < 0:
                shown.append(picture(caption, pixels, link, ()))
                continue
            own = answers[detector]
            title = f"{caption}; {printable(own.network)}: {counted([finding.name for finding in own.findings])}"
            shown.append(picture(title, pixels, link, own.findings))
    return shown


def picture(caption: str, pixels: Pixels, link: str, findings: tuple[Finding, ...]) -> dict[str, Any]:
    """An image with its caption, and the objects that are drawn on it; lengths are in px of the image."""
    height, width = pixels.shape[:2]
    unit = max(height, width) / 500
    boxes = []
    for finding in findings:
        if finding.box:
            left, top, right, bottom = finding.box
            sizes = {"left": left, "top": top, "width": max(0.0, right - left), "height": max(0.0, bottom - top)}
            label = f"{finding.name} {percent(finding.confidence)}"
            side = ("end", right) if left > width / 2 else ("start", left)  # so that no label leaves the image
            text = dict(zip(("anchor", "text_x"), side, strict=True))
            boxes.append(sizes | text | {"text_y": max(top - 3 * unit, 14 * unit), "label": label})
    common = {"caption": caption, "address": link, "width": width, "height": height}
    return common | {"boxes": boxes, "line": round(2 * unit, 2), "letters": round(13 * unit, 2)}


def spoken(answer: Answer) -> str:
    """The findings of a network with their confidence."""
    return ", ".join(f"{finding.name} {percent(finding.confidence)}" for finding in answer.findings) or "nothing"


def network_rows(examination: Examination) -> list[dict[str, str]]:
    """The row of each network."""
    rows = []
    for before, after in zip(examination.originals, examination.step.answers, strict=True):
        flip = examination.flips[before.network]
        row = {"name": printable(before.network), "before": spoken(before), "after": spoken(after)}
        kind = {True: "good", False: "bad", None: ""}[after.kept]
        row |= {"decision": MARKS[after.kept][2], "kind": kind}
        rows.append(row | {"flip": "no level" if flip is None else str(flip)})
    return rows


def verdict_row(verdict: Verdict) -> dict[str, str]:
    """The row of a predictor."""
    word, kind = {True: ("useful", "good"), False: ("not useful", "bad"), None: ("-", "")}[verdict.useful]
    score = "-" if verdict.score is None else f"{verdict.score:.4g}"
    probability = "-" if verdict.probability is None else percent(verdict.probability)
    row = {"name": printable(verdict.predictor), "word": word, "kind": kind, "score": score}
    remark = printable(verdict.remark.removeprefix(f"{verdict.predictor}: "))
    return row | {"probability": probability, "threshold": f"{verdict.threshold:.4g}", "remark": remark}


def heads(examination: Examination) -> list[str]:
    """The heads of the columns of the table of levels behind the first three."""
    names = [answer.network for answer in examination.originals]
    names += [verdict.predictor for verdict in examination.step.verdicts]
    return [printable(name) for name in names]


def level_row(step: Step, examination: Examination) -> dict[str, Any]:
    """A row of the table of levels: networks keep or change their decision, predictors give scores."""
    cells = [MARKS[answer.kept][2] for answer in step.answers]
    cells += ["-" if verdict.score is None else f"{verdict.score:.4g}" for verdict in step.verdicts]
    share = percent(step.size / examination.photograph.size)
    row = {"level": step.level, "bytes": f"{step.size:,}", "share": share, "cells": cells}
    return row | {"chosen": step.level == examination.condition.level}
