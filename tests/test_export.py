import io

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest
from PIL import Image

from benchmark.core.errors import FileError
from benchmark.core.types import IMAGE
from benchmark.labelling import parquet_export as module
from benchmark.labelling.parquet_export import export


@pytest.fixture
def shards(tiny, tiny_workspace, tmp_path, monkeypatch):
    """The small suite, exported in shards of 100 rows."""
    monkeypatch.setattr(module, "ROWS_PER_SHARD", 100)
    monkeypatch.setattr(module, "label", lambda suite, workspace: tiny)
    return export(tiny.suite, "combined", tiny_workspace, str(tmp_path / "out"))


def test_shards_hold_every_row_once(shards, tiny):
    """All rows of all parts, and those of the test sources at the held-out levels, are written, in shards named for them."""
    assert [path.name for path in shards if path.name.startswith("test")] == [
        "test-00000-of-00002.parquet",
        "test-00001-of-00002.parquet",
    ]
    rows = [row for path in shards for row in pq.read_table(path).to_pylist()]
    keys = [(row["source"], row["distortion"], row["level"]) for row in rows]
    labels = pl.concat(tiny.rows_of("combined", part) for part in tiny.parts)
    held_out = [(source.id, "jpeg", level) for source in tiny.parts["test"] for level in (30, 5)]
    assert sorted(keys) == sorted([*labels.select(IMAGE).rows(), *held_out])
    expected = {(*image,): None if y < 0 else y for *image, y in labels.select(*IMAGE, "label").rows()}
    assert {key: row["label"] for key, row in zip(keys, rows, strict=True)} == expected | dict.fromkeys(held_out)


def test_shards_of_another_export_are_not_joined(shards, tiny, tiny_workspace, monkeypatch):
    """A folder with other shards, which readers would take for parts of this export, is refused; the same is written again."""
    folder = shards[0].parent
    assert export(tiny.suite, "combined", tiny_workspace, str(folder)) == shards
    monkeypatch.setattr(module, "ROWS_PER_SHARD", 5_000)
    message = (
        r"out: holds \S+-of-0000\d\.parquet of another export, .*; name another folder \(-o\), or remove its shards"
    )
    with pytest.raises(FileError, match=message):
        export(tiny.suite, "combined", tiny_workspace, str(folder))
    assert sorted(folder.iterdir()) == sorted(shards)


def test_held_out_rows_have_no_label(shards, tiny):
    """The part held_out holds images without label and utility; with validation and test it is all that is judged."""
    parts = {path: path.name.partition("-")[0] for path in shards}
    rows = {
        part: [r for p in shards if parts[p] == part for r in pq.read_table(p).to_pylist()] for part in parts.values()
    }
    assert len(rows["held_out"]) == 60 * 2
    assert all(row["label"] is None and row["utility"] is None and row["image"]["bytes"] for row in rows["held_out"])
    judged = [
        (part, row["source"], row["distortion"], row["level"])
        for part in ("validation", "test", "held_out")
        for row in rows[part]
    ]
    assert sorted(judged) == sorted(tiny.indexed.scored_rows.rows())


def test_bytes_are_the_bitstream_that_was_judged(shards, tiny):
    """An exported image decodes to the pixels whose digest `label` recorded."""
    from benchmark.core.images import pixel_digest

    row = pq.read_table(shards[0]).to_pylist()[7]
    pixels = np.asarray(Image.open(io.BytesIO(row["image"]["bytes"])))
    recorded = tiny.outcomes["images"].filter(source=row["source"], level=row["level"])
    assert int(pixel_digest(pixels), 16) == recorded["pixels"][0]
    assert 8 * len(row["image"]["bytes"]) == recorded["bits"][0]


def test_hugging_face_reads_the_features(shards):
    """The schema carries the features that make `datasets` decode the column `image`."""
    metadata = pq.read_schema(shards[0]).metadata[b"huggingface"].decode()
    assert '"image": {"_type": "Image"}' in metadata


def test_objects_are_exported_whole(tiny_det, tiny_workspace, tmp_path, monkeypatch):
    """A suite of detection exports boxes and classes of each image instead of one class."""
    monkeypatch.setattr(module, "label", lambda suite, workspace: tiny_det)
    path = export(tiny_det.suite, "combined", tiny_workspace, str(tmp_path / "out"))[-1]
    row = pq.read_table(path).to_pylist()[0]
    truth = tiny_det.indexed.sources[row["source"]].truth
    assert row["boxes"] == truth.boxes.tolist()
    assert row["classes"] == truth.classes.tolist()
    assert "class" not in row
    metadata = pq.read_schema(path).metadata[b"huggingface"].decode()
    assert '"boxes": {"feature"' in metadata
