"""The mAP of small, medium and large objects where the better half of the images is kept, in each resample of the sources.

    read_size_replicates(truth, result, folder.size_replicates(path))    # made where they are missing, for `compare` alone

Detections are matched anew for each size, which takes most of the time of a comparison, so that what follows is stored.
"""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmark.core.errors import ResultError
from benchmark.core.parquet import check_values, read_table, write_table
from benchmark.evaluation.downstream import redrawn
from benchmark.evaluation.replicates import ReplicatesMetadata, run_digest
from benchmark.evaluation.results import PredictorResult
from benchmark.labelling.ground_truth import GroundTruth
from benchmark.metrics.seeds import over_seeds

logger = logging.getLogger(__name__)


def read_size_replicates(truth: GroundTruth, result: PredictorResult, file: Path) -> dict[str, NDArray[np.float64]]:
    """Measure -> its value, then its values in the resamples, shape (1 + R,), as means over networks and seeds.

    Args:
        truth: ground truth of the suite.
        result: the scores and the scorecard of a predictor.
        file: where they are stored; they are made again if it is missing, damaged or of another run.

    Returns:
        Empty where outcomes hold no boxes; without the sizes of which there is no object.

    Raises:
        FileError: the file cannot be written.
    """
    run = run_digest(result.card)
    if file.is_file():
        try:
            table, metadata = read_table(file, about=ReplicatesMetadata)
            check_values(
                file, table, {"are no mAP": ~pl.all_horizontal(pl.exclude("row").fill_nan(0).is_between(0, 1))}
            )
            if metadata["run"] == run:
                return {column.name: column.to_numpy() for column in table}
        except ResultError as error:
            logger.warning(f"made again: {error}")
    made = size_replicates(truth, result)
    if made:
        write_table(file, pl.DataFrame(made), {"run": run})
    return made


def size_replicates(truth: GroundTruth, result: PredictorResult) -> dict[str, NDArray[np.float64]]:
    """Make what `read_size_replicates` reads."""
    samples: dict[str, list[NDArray[np.float64]]] = {}
    for seed in result.card.seeds:
        values: dict[str, list[NDArray[np.float64]]] = {}
        for name in truth.suite.networks.held_out:
            for size, network in truth.downstream(name).by_size.items():
                rows = network.placed(result.scores.filter(part="held_out", seed=seed))
                drawn = redrawn(truth, network, rows, network.best, rows["score"].to_numpy(), [0.5])[:, 0]
                values.setdefault(f"mAP, {size} objects, better half kept", []).append(drawn)
        for name, networks in values.items():
            samples.setdefault(name, []).append(np.mean(networks, axis=0))
    merged = {name: over_seeds(np.array(values), f"{result.title}, {name}") for name, values in samples.items()}
    return {name: values for name, values in merged.items() if np.isfinite(values[0])}
