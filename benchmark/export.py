"""Export: a suite's splits as Parquet shards with image bytes and labels.

    utilbench export glyphs -o out         out/train-00000-of-00008.parquet, ... validation, test

A row is one compressed image. Hugging Face `datasets` reads the folder as it is (`load_dataset("parquet", data_dir=...)`; the
column `image` decodes itself), and so does `ray.data.read_parquet`. Columns: image {bytes, path}, source, level, class, label
(1 useful, 0 non-useful, null unlabelled), utility (Eq. 2).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.distortions import DISTORTIONS
from benchmark.ground_truth import GroundTruth, label
from benchmark.progress import progress
from benchmark.runtime import Paths, atomic
from benchmark.suite import Suite

ROWS_PER_SHARD = 5_000
FEATURES = {
    "image": {"_type": "Image"},
    "source": {"dtype": "string", "_type": "Value"},
    "level": {"dtype": "int16", "_type": "Value"},
    "class": {"dtype": "int16", "_type": "Value"},
    "label": {"dtype": "int8", "_type": "Value"},
    "utility": {"dtype": "float64", "_type": "Value"},
}
SCHEMA = pa.schema(
    [
        ("image", pa.struct([("bytes", pa.binary()), ("path", pa.string())])),
        ("source", pa.string()),
        ("level", pa.int16()),
        ("class", pa.int16()),
        ("label", pa.int8()),
        ("utility", pa.float64()),
    ],
    metadata={"huggingface": json.dumps({"info": {"features": FEATURES}})},
)


def export(suite: Suite, label_set: str, paths: Paths, output: str) -> list[Path]:
    """Write the three parts of a label set; returns the shards, in order."""
    truth = label(suite, paths)
    written = []
    for part in truth.parts:
        rows = truth.labels(label_set).filter(part=part).select("source", "level", "label", "utility").rows()
        starts = range(0, len(rows), ROWS_PER_SHARD)
        with progress(f"export {part}", len(rows), "images") as advance:
            for number, start in enumerate(starts):
                some = rows[start : start + ROWS_PER_SHARD]
                path = Path(output) / f"{part}-{number:05d}-of-{len(starts):05d}.parquet"
                with atomic(path) as temporary:
                    table = pa.Table.from_pylist([record(truth, *row) for row in some], schema=SCHEMA)
                    pq.write_table(table, temporary, row_group_size=500, compression="zstd")
                written.append(path)
                advance(len(some))
    return written


def record(truth: GroundTruth, source: str, level: int, label: int, utility: float) -> dict[str, Any]:
    """One row."""
    bitstream = DISTORTIONS[truth.suite.distortion.name].encode(truth.dataset.read(source), level)
    return {
        "image": {"bytes": bitstream, "path": f"{source}_{level}.jpg"},
        "source": source,
        "level": level,
        "class": truth.sources[source].truth,
        "label": None if label < 0 else label,
        "utility": utility,
    }
