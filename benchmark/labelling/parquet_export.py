"""Export of a suite's splits as Parquet shards with image bytes and labels.

    utilbench export glyphs -o out         out/train-00000-of-00008.parquet, ... validation, test, held_out

A row is one compressed image. Hugging Face `datasets` reads the folder directly (`load_dataset("parquet", data_dir=...)`; it
decodes the column `image`), and so does `ray.data.read_parquet`. The columns are image {bytes, path}, source, distortion,
level, label (1 useful, 0 non-useful, null unlabelled), utility (Eq. 2) and the ground truth: class, or boxes, classes and
crowd. The part held_out holds the test sources at the held-out conditions, which have no label and no utility here; a submitted
table of scores needs its rows and those of validation and test. `datasets` loads this part only if `data_files` names it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.core.errors import FileError
from benchmark.core.files import atomic, check_writable, sweep_beside
from benchmark.core.progress import show_progress
from benchmark.core.types import IMAGE, Condition, Image
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import IndexedSuite
from benchmark.labelling.pipeline import label
from benchmark.suites.spec import Suite
from benchmark.suites.tasks import TASKS

ROWS_PER_SHARD = 5_000
COLUMNS: dict[str, tuple[pa.DataType, Any]] = {
    "image": (pa.struct([("bytes", pa.binary()), ("path", pa.string())]), {"_type": "Image"}),
    "source": (pa.string(), {"dtype": "string", "_type": "Value"}),
    "distortion": (pa.string(), {"dtype": "string", "_type": "Value"}),
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
    """Write the three parts of a label set and the test sources at the held-out conditions; returns the shards in order."""
    check_writable(Path(output))
    truth = label(suite, workspace)
    parts: dict[str, list[tuple[Any, ...]]] = {
        part: truth.rows_of(label_set, part).select(*IMAGE, "label", "utility").rows() for part in truth.parts
    }
    held_out = truth.indexed.scored_rows.filter(part="held_out").select(IMAGE)
    parts["held_out"] = [(*image, -1, None) for image in held_out.iter_rows()]
    shards = {part: shard_names(part, len(rows)) for part, rows in parts.items()}
    check_shards(Path(output), [name for names in shards.values() for name in names])
    written = []
    for part, rows in parts.items():
        with show_progress(f"export {part}", len(rows), "images") as advance:
            for name, start in zip(shards[part], range(0, len(rows), ROWS_PER_SHARD), strict=True):
                shard, path = rows[start : start + ROWS_PER_SHARD], Path(output) / name
                sweep_beside(path)
                with atomic(path) as temporary:
                    table = pa.Table.from_pylist(
                        [record(truth.indexed, (*image,), label, utility) for *image, label, utility in shard],
                        schema=schema(suite.task),
                    )
                    pq.write_table(table, temporary, row_group_size=500, compression="zstd")
                written.append(path)
                advance(len(shard))
    return written


def shard_names(part: str, rows: int) -> list[str]:
    """The names of the files of a part.

    Examples:
        >>> shard_names("test", 7000)
        ['test-00000-of-00002.parquet', 'test-00001-of-00002.parquet']
    """
    count = len(range(0, rows, ROWS_PER_SHARD))
    return [f"{part}-{number:05d}-of-{count:05d}.parquet" for number in range(count)]


def check_shards(folder: Path, names: Sequence[str]) -> None:
    """Raise FileError if the folder holds shards of another export, which would be read together with these."""
    if others := sorted({path.name for path in folder.glob("*-of-*.parquet")} - set(names)):
        raise FileError(
            f"{folder}: holds {others[0]} of another export, which would be read with this one; name another folder (-o), or "
            "remove its shards"
        )


def record(indexed: IndexedSuite, image: Image, label: int, utility: float | None) -> dict[str, Any]:
    """One row of the export."""
    source, distortion, level = image
    member, condition = indexed.sources[source], Condition(distortion, level)
    bitstream = indexed.bitstreams.of(member, condition, lambda: indexed.dataset.read(source))
    return {
        "image": {"bytes": bitstream, "path": f"{source}_{level}.{distortion}"},
        **dict(zip(IMAGE, image, strict=True)),
        "label": None if label < 0 else label,
        "utility": utility,
        **TASKS[indexed.suite.task].truth_values(member.truth),
    }
