"""Photographs written at the advised setting, or each at the lowest level that a predictor still calls useful.

Names and folders stay, endings become those of the codec. Pixels are those that the network was shown: upright, as EXIF says,
in RGB of 8 bits, transparent ones on white. A colour profile is written where the format holds one; other metadata, such as
places and times, are not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.advice.choosing import EVERY, Choice
from benchmark.core.errors import FileError, PredictorError, ResultError
from benchmark.core.files import check_writable, write_bytes
from benchmark.core.images import Pixels, colour_profile
from benchmark.core.progress import show_progress
from benchmark.core.storage import absolute
from benchmark.core.types import Condition, Source, image_name
from benchmark.core.workspace import Workspace
from benchmark.deployment.inference import InferencePredictor, load_predictor
from benchmark.metrics.proportions import share_interval
from benchmark.metrics.rates import lowest_levels
from benchmark.plugins.distortions import decoded_sample, find_distortion, scaled
from benchmark.plugins.predictors.answers import checked_scores

if TYPE_CHECKING:
    from benchmark.advice.advise import Advice
    from benchmark.advice.observation import Observation

ENDINGS = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif", "JPEG2000": "jp2", "JXL": "jxl", "HEIF": "heic"}
"""What Pillow calls a format -> the usual ending of its files."""


@dataclass(frozen=True)
class Cost:
    """What a way of encoding costs and keeps, on the photographs that report."""

    title: str
    """What was done."""
    kept: float
    """Share of the network's decisions that are kept, 0 to 1."""
    low: float
    high: float
    """Ends of its interval of 95 % confidence."""
    bytes: float
    """Mean size of a photograph, without colour profiles."""

    @property
    def text(self) -> str:
        """The same as one line."""
        interval = f"{100 * self.low:.1f} to {100 * self.high:.1f}"
        return (
            f"{self.title}: {100 * self.kept:.1f} % ({interval}) of decisions kept, {self.bytes:.0f} bytes a photograph"
        )


@dataclass(frozen=True)
class Written:
    """What was written."""

    folder: Path
    photographs: int
    bytes: int
    """Size of all files together."""
    profiles: int
    """Number of files with a colour profile."""
    lost_profiles: int
    """Number of photographs whose profile the format does not hold."""

    @property
    def text(self) -> str:
        """The same as one line."""
        kept = f"; {self.profiles} with their colour profile" if self.profiles else ""
        lost = f"; the colour profiles of {self.lost_profiles} are lost" if self.lost_profiles else ""
        size = f"{self.photographs} photographs, {self.bytes / 1e6:.1f} MB"
        return f"{self.folder}: {size}, upright, without EXIF{kept}{lost}"


def write_advised(
    advice: Advice, folder: Path, workspace: Workspace, *, predictor: str = "", suite: str = "glyphs"
) -> list[str]:
    """Write all photographs at the advised setting, or at levels that a predictor chooses; returns what is to be told of it."""
    choice = advised(advice)
    fixed = fixed_levels(advice, choice)
    lines, levels = [cost_of(advice, choice, fixed, choice.name).text], fixed
    if predictor:
        levels = adaptive_levels(advice, choice, predictor, suite, workspace)
        lines.append(cost_of(advice, choice, levels, f"{choice.codec} as {predictor} chooses").text)
    return [*lines, write_photographs(advice, choice, levels, folder).text]


def check_apart(photographs: Sequence[str], folder: Path) -> None:
    """Raise FileError where photographs would be written into a folder that they are read from, and counted the next time."""
    target = folder.resolve()
    for root in map(absolute, photographs):
        if "://" not in root and Path(root).resolve() in (target, *target.parents):
            raise FileError(f"{folder}: is a folder of the photographs, or lies in one; name another to write to")


def advised(advice: Advice) -> Choice:
    """The cheapest advised choice: for all networks together, if there are several.

    Raises:
        ResultError: no level keeps the wanted share.
    """
    network = EVERY if EVERY in advice.decisions else advice.choices[0].network
    best = next((choice for choice in advice.choices if choice.best and choice.network == network), None)
    if best is None:
        raise ResultError(
            f"no level keeps {100 * advice.keep:g} % of the decisions of {network}, so that nothing is written; "
            "try a lower --keep, or more codecs"
        )
    return best


def fixed_levels(advice: Advice, choice: Choice) -> dict[str, int]:
    """The level of the choice, for every photograph."""
    assert choice.level is not None
    return {source.id: choice.level for source in advice.observation.sources}


def adaptive_levels(advice: Advice, choice: Choice, predictor: str, suite: str, workspace: Workspace) -> dict[str, int]:
    """For every photograph the lowest level of the choice's codec that a predictor calls useful, as all above it.

    Where it calls even the top level non-useful, it is the top level.

    Args:
        advice: what was observed.
        choice: gives the codec and the resolution.
        predictor: name of a predictor, or path of its file.
        suite: the suite that its threshold, and its training, are of.
        workspace: folders and device.

    Raises:
        PredictorError: the predictor compares with a pristine image of another size, or reads other bitstreams.
    """
    ready = load_predictor(predictor, suite, workspace=workspace)
    name = scaled(choice.codec, choice.resize)
    codec = find_distortion(name)
    if "reference" in ready.predictor.needs and choice.resize < 1:
        raise PredictorError(
            f"{predictor}: compares with the original, which has another size than a reduced photograph"
        )
    if problem := ready.unreadable(codec):
        raise PredictorError(problem)
    levels = sorted(next(tried.levels for tried in advice.observation.choices if tried.name == name))
    chosen = {}
    sources = advice.observation.sources
    with show_progress(f"{predictor} chooses levels of {name}", len(sources), "photographs") as advance:
        for source in sources:
            pristine = advice.observation.dataset.read(source.id)
            scores = level_scores(ready, advice.observation, source, name, levels, pristine=pristine)
            chosen[source.id] = levels[int(lowest_levels(scores[None] >= ready.threshold)[0])]
            advance(1)
    return chosen


def level_scores(
    ready: InferencePredictor,
    observation: Observation,
    source: Source,
    distortion: str,
    levels: Sequence[int],
    *,
    pristine: Pixels,
) -> NDArray[np.float64]:
    """The scores of one photograph at these levels, shape (L,)."""
    codec, samples = find_distortion(distortion), []
    for level in levels:
        data = observation.bitstream(source, Condition(distortion, level), pristine)
        needs = ready.predictor.needs
        samples.append(decoded_sample(codec, data, pristine, needs=needs, photograph=source.id))
    names = [image_name(source.id, distortion, level) for level in levels]
    return checked_scores(ready.name, ready.predictor, samples, names)


def cost_of(advice: Advice, choice: Choice, levels: Mapping[str, int], title: str) -> Cost:
    """What these levels cost and keep on the photographs by which none was chosen."""
    name = scaled(choice.codec, choice.resize)
    table = pl.DataFrame({"source": list(levels), "level": list(levels.values())}, schema_overrides={"level": pl.Int16})
    reporting = table.filter(~pl.col("source").is_in(list(advice.chosen_by))).with_columns(distortion=pl.lit(name))
    keys = ["source", "distortion", "level"]
    rows = reporting.join(advice.observation.images, on=keys, how="left", maintain_order="left")
    rows = rows.join(advice.decisions[choice.network].select(*keys, "kept"), on=keys, how="left", maintain_order="left")
    decided = rows.drop_nulls("kept")
    kept, low, high = share_interval(decided["kept"], [advice.groups[source] for source in decided["source"]])
    return Cost(title, kept, low, high, float(rows["bits"].to_numpy().mean()) / 8)


def write_photographs(advice: Advice, choice: Choice, levels: Mapping[str, int], folder: Path) -> Written:
    """Write every photograph at its level; files that are there already with the same content are left.

    Raises:
        FileError: a file is there with another content, or cannot be written.
    """
    name = scaled(choice.codec, choice.resize)
    codec = find_distortion(name)
    paths = targets(
        [source.id for source in advice.observation.sources], folder, ENDINGS.get(codec.format, choice.codec)
    )
    check_writable(folder)
    total = profiles = lost = 0
    with show_progress(f"{folder}", len(paths), "photographs") as advance:
        for source in advice.observation.sources:
            dataset, condition = advice.observation.dataset, Condition(name, levels[source.id])
            pristine = dataset.read(source.id)
            data = advice.observation.bitstream(source, condition, pristine)
            if profile := colour_profile(dataset.content(source.id), source.id):
                profiles, lost = profiles + bool(codec.encode_with_profile), lost + (not codec.encode_with_profile)
                data = (
                    codec.encode_with_profile(pristine, condition.level, profile) if codec.encode_with_profile else data
                )
            keep_or_write(paths[source.id], data)
            total += len(data)
            advance(1)
    return Written(folder, len(paths), total, profiles, lost)


def targets(names: Sequence[str], folder: Path, ending: str) -> dict[str, Path]:
    """The file of each photograph below a folder; where two differ in their ending alone, both keep it.

    If a file would still be that of two photographs, all keep their endings.

    Examples:
        >>> [path.as_posix() for path in targets(["a/cat.png", "dog.png", "dog.bmp"], Path("out"), "webp").values()]
        ['out/a/cat.webp', 'out/dog.png.webp', 'out/dog.bmp.webp']
    """
    stems = {name: PurePosixPath(name).with_suffix("") for name in names}
    counts = Counter(str(stem).casefold() for stem in stems.values())
    alone = {name: counts[str(stem).casefold()] == 1 for name, stem in stems.items()}
    chosen = {name: f"{stem if alone[name] else name}.{ending}" for name, stem in stems.items()}
    if len({path.casefold() for path in chosen.values()}) < len(chosen):
        chosen = {name: f"{name}.{ending}" for name in names}
    return {name: folder / path for name, path in chosen.items()}


def keep_or_write(path: Path, data: bytes) -> None:
    """Write a file, unless it is there with this content; one with another content is never overwritten."""
    if not path.exists():
        write_bytes(path, data)
    elif not path.is_file() or path.read_bytes() != data:
        raise FileError(f"{path}: is there with another content; name an empty folder")
