"""Byte-identical photographs under several ids: labelled, recorded and resampled as one photograph."""

import dataclasses

import polars as pl
import pytest

from benchmark.core.errors import DataError, LabelError
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import index_suite
from benchmark.labelling.pipeline import label, recorded_truth
from benchmark.plugins import datasets
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.suites.loading import load_suite
from benchmark.suites.results_folder import suite_folder

COPIED = {"train-00001": "train-00000", "test-00004": "test-00001", "test-00005": "test-00001"}
"""Scenes that are replaced by others of their pool."""
LEAK = {"test-00003": "train-00002"}


class Copied(Glyphs):
    """Letters of which some have the content of others."""

    def __init__(self, copies, **counts):
        super().__init__(**counts)
        self.copies = copies

    def signature(self):
        return f"{super().signature()}-{len(self.copies)}"

    def content(self, source):
        return super().content(self.copies.get(source, source))

    def read(self, source):
        return super().read(self.copies.get(source, source))


def suite_of(tiny_file, folder, monkeypatch, copies, training=""):
    """A small suite of letters with these copies, and folders for it."""
    monkeypatch.setitem(datasets.DATASETS, "copied", lambda data, options: Copied(copies, **options))
    text = tiny_file.read_text().replace(
        "train = 80\nvalidation = 40\ntest = 60", "train = 20\nvalidation = 10\ntest = 16"
    )
    path = folder / "copied.toml"
    path.write_text(text.replace('"tiny"', '"copied"').replace('"glyphs"', '"copied"') + training)
    workspace = Workspace(None, None, folder / "cache", folder / "results", chosen_device="cpu")
    return load_suite(str(path)), workspace


def test_copies_are_labelled_recorded_and_resampled_as_one_photograph(tiny_file, tmp_path, monkeypatch, caplog):
    """`label` goes through and tells of them; later steps know them without photographs, and resample them together."""
    suite, workspace = suite_of(tiny_file, tmp_path, monkeypatch, COPIED)
    truth = label(suite, workspace)
    assert "3 sources are byte-identical copies of 2 others" in caplog.text
    for of in (truth, recorded_truth(suite, workspace)):
        assert {name: source.copy_of for name, source in of.indexed.sources.items() if source.copy_of} == COPIED
        rows = of.labels("combined").filter(part="test")
        clusters, counts = of.clusters(rows, "test")
        groups = [of.indexed.sources[source].group for source in rows["source"]]
        assert len(set(zip(groups, clusters.tolist(), strict=True))) == len(set(groups)) == 14 == counts.shape[1]
    test = truth.outcomes["images"].filter(source="test-00004").drop("source")
    assert test.equals(truth.outcomes["images"].filter(source="test-00001").drop("source"))


def test_a_copy_that_is_added_later_gets_outcomes_of_its_own(tiny_file, tmp_path, monkeypatch):
    """Outcomes of the same content under another id do not stand for a source that is not recorded."""
    suite, workspace = suite_of(tiny_file, tmp_path, monkeypatch, {})
    label(suite, workspace)
    suite, _ = suite_of(tiny_file, tmp_path, monkeypatch, COPIED)
    other = dataclasses.replace(workspace, results=tmp_path / "other", published=workspace.results)
    truth = label(suite, other)
    images = truth.outcomes["images"]
    assert set(images["source"]) == set(truth.indexed.sources)


def test_a_suite_without_copies_records_none(tiny, tiny_workspace):
    """The table of sources has no column for them."""
    assert "copy_of" not in pl.read_parquet_schema(suite_folder(tiny_workspace, tiny.suite).sources)


def test_a_copy_in_another_pool_is_refused(tiny_file, tmp_path, monkeypatch):
    """A photograph that stands in two pools of a dataset is a leak."""
    suite, workspace = suite_of(tiny_file, tmp_path, monkeypatch, LEAK)
    with pytest.raises(LabelError, match=r"leak: test-00003 in test and train-00002 in train are of one photograph"):
        index_suite(suite, workspace)


def test_a_photograph_with_the_name_of_a_version_is_refused(tiny_file, tmp_path, monkeypatch):
    """Where both exist, neither could be told from the other."""

    class Marked(Copied):
        def sources(self):
            first, *rest = super().sources()
            return [dataclasses.replace(first, id=f"{rest[0].id}~aug1"), *rest]

        def content(self, source):
            return source.encode()

    training = '[training]\nbalance = "augmentation"\ncopies = 1\n'
    suite, workspace = suite_of(tiny_file, tmp_path, monkeypatch, {}, training)
    monkeypatch.setitem(datasets.DATASETS, "copied", lambda data, options: Marked({}, **options))
    with pytest.raises(DataError, match="has the name of an augmented version of another one"):
        index_suite(suite, workspace)
