"""The report of advice: one HTML file without scripts, with the figure, the tables and the photographs that flip first."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import polars as pl

from benchmark.advice.choosing import EVERY, Choice
from benchmark.advice.figure import drawn
from benchmark.advice.text import cells_of
from benchmark.core.files import write_text
from benchmark.core.messages import printable
from benchmark.core.pictures import image_address
from benchmark.core.types import PRISTINE, Condition
from benchmark.plugins.datasets.class_names import class_names
from benchmark.plugins.distortions import decoded, find_distortion, scaled
from benchmark.suites.tasks.found_objects import CLEAR
from benchmark.suites.tasks.replacement import unpack

if TYPE_CHECKING:
    from benchmark.advice.advise import Advice

TEMPLATE = Path(__file__).with_name("report.html")
FLIPS, SIDE = 9, 320
"""Number of photographs that are shown for each network, and the longest side of what is shown of them, in px."""


def write_report(advice: Advice, path: Path) -> None:
    """Write the report.

    Raises:
        FileError: the file cannot be written.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=False)
    svg = drawn(advice.plot(), "svg").decode()
    reservations = advice.reservations
    text = environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        count=len(advice.observation.sources),
        keep=f"{100 * advice.keep:g} %",
        sentences=[printable(line) for line in advice.sentences if line not in reservations],
        reservations=[printable(line) for line in reservations],
        figure=svg[svg.index("<svg") :],
        panels=advice.table["network"].n_unique(),
        networks=[network_part(advice, name) for name in advice.table["network"].unique(maintain_order=True)],
    )
    write_text(path, text)


def network_part(advice: Advice, network: str) -> dict[str, Any]:
    """The table of a network and the photographs on which it changes its decision first."""
    own = [choice for choice in advice.choices if choice.network == network]
    chosen = {(choice.network, choice.codec, choice.resize, choice.level): "*" for choice in own}
    rows = []
    for row in advice.table.filter(pl.col("network") == network).iter_rows(named=True):
        mark, codec, level, sides, kept, interval, size, share = cells_of(row, chosen)
        cells = {"codec": codec, "level": level, "sides": sides, "kept": kept, "interval": interval, "bytes": size}
        rows.append(cells | {"share": share, "chosen": bool(mark)})
    best = next((choice for choice in own if choice.best), own[0])
    flips = (
        []
        if network == EVERY
        else [flip_part(advice, best, *flip) for flip in advice.first_flips(best).head(FLIPS).rows()]
    )
    return {"name": printable(network), "rows": rows, "codec": best.codec, "flips": flips}


def flip_part(advice: Advice, choice: Choice, source: str, level: int) -> dict[str, str]:
    """A photograph, what is left of it at the level at which the decision changes, and what the network says of both."""
    observation = advice.observation
    condition = Condition(scaled(choice.codec, choice.resize), level)
    pristine = observation.dataset.read(source)
    (member,) = (member for member in observation.sources if member.id == source)
    bitstream = observation.bitstream(member, condition, pristine)
    image = decoded(find_distortion(condition.distortion), bitstream, source)
    return {
        "name": printable(source),
        "condition": f"{condition}, {len(bitstream)} bytes",
        "original": image_address(pristine, SIDE, "WEBP", quality=80),
        "compressed": image_address(image, SIDE, "WEBP", quality=80),
        "before": verdict(advice, choice.network, source, PRISTINE),
        "after": verdict(advice, choice.network, source, condition),
    }


def verdict(advice: Advice, network: str, source: str, condition: Condition) -> str:
    """What a network says of an image: the class, or the objects that it finds."""
    rows = advice.observation.outcomes[network].filter(pl.col("source") == source)
    (row,) = rows.filter(distortion=condition.distortion, level=condition.level).to_dicts()
    names = class_names(advice.observation.classes[network])
    if advice.observation.tasks[network] == "classification":
        return names[row["top"]]
    table = rows.filter(distortion=condition.distortion, level=condition.level)
    detections = unpack(table)[0]
    pairs = zip(detections.classes, detections.scores, strict=True)
    return counted([names[kind] for kind, score in pairs if score >= CLEAR])


def counted(names: Sequence[str]) -> str:
    """What a detector finds, by class.

    Examples:
        >>> counted(["person", "car", "person"]), counted([])
        ('2 person, 1 car', 'nothing')
    """
    return ", ".join(f"{names.count(name)} {name}" for name in dict.fromkeys(names)) or "nothing"
