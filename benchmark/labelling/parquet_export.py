"""Export of a suite's splits as Parquet shards with image bytes and labels.

    utilbench export glyphs -o out         out/train-00000-of-00008.parquet, ... validation, test, held_out

A row is one compressed image. Hugging Face `datasets` reads the folder directly (`load_dataset("parquet", data_dir=...)`; it
decodes the column `image`), and so does `ray.data.read_parquet`. The columns are image {bytes, path}, source, level, label (1
useful, 0 non-useful, null unlabelled), utility (Eq. 2) and the ground truth: class, or boxes, classes and crowd. The part
held_out holds the test sources at the held-out levels, which have no label and no utility; a submitted table of scores needs
its rows and those of validation and test. `datasets` loads this part only if `data_files` names it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core.files import atomic, check_writable
from benchmark.core.progress import show_progress
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.pipeline import label
from benchmark.plugins.distortions import encoded, find_distortion
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

ROWS_PER_SHARD = 5_000
COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "image": (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"}),
    "source": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "level": (pa.int16(), {"dtype": "int16", "_type": "Value"}),
    "label": (pa.int8(), {"dtype": "int8", "_type": "Value"}),
    "utility": (pa.float64(), {"dtype": "float64", "_type": "Value"}),
}
"""Columns of every task, with the Arrow type and the feature of Hugging Face `datasets`."""


def schema(task: str) -> pa.Schema:
    """The schema of a task's export, with all its columns."""
    columns = COLUMNS | TASKS[task].truth_columns()
    features = {name: feature for name, (_, feature) in columns.items()}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    return pa.schema([(name, kind) for name, (kind, _) in columns.items()], metadata=metadata)


def export(suite: Suite, label_set: str, workspace: Workspace, output: str) -> list[Path]:
    """Write the three parts of a label set and the test sources at the held-out levels; returns the shards in order."""
    check_writable(Path(output))
    truth = label(suite, workspace)
    labels = truth.labels(label_set).select("part", "source", "level", "label", "utility")
    parts: dict[str, list[tuple[Any, ...]]] = {
        part: labels.filter(part=part).drop("part").rows() for part in truth.parts
    }
    held_out = truth.indexed.scored_rows.filter(part="held_out").select("source", "level")
    parts["held_out"] = [(source, level, -1, None) for source, level in held_out.iter_rows()]
    written = []
    for part, rows in parts.items():
        starts = range(0, len(rows), ROWS_PER_SHARD)
        with show_progress(f"export {part}", len(rows), "images") as advance:
            for number, start in enumerate(starts):
                shard = rows[start : start + ROWS_PER_SHARD]
                path = Path(output) / f"{part}-{number:05d}-of-{len(starts):05d}.parquet"
                with atomic(path) as temporary:
                    table = pa.Table.from_pylist(
                        [record(truth.indexed, *row) for row in shard], schema=schema(suite.task)
                    )
                    pq.write_table(table, temporary, row_group_size=500, compression="zstd")
                written.append(path)
                advance(len(shard))
    return written


def record(indexed: IndexedSuite, source: str, level: int, label: int, utility: float | None) -> dict[str, Any]:
    """One row of the export."""
    codec = find_distortion(indexed.suite.distortion.name)
    bitstream = encoded(codec, indexed.dataset.read(source), level, source)
    return {
        "image": {"bytes": bitstream, "path": f"{source}_{level}.{codec.name}"},
        "source": source,
        "level": level,
        "label": None if label < 0 else label,
        "utility": utility,
        **TASKS[indexed.suite.task].truth_values(indexed.sources[source].truth),
    }
