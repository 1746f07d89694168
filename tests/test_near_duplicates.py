"""The audit finds what leaked though ids and contents differ."""

import dataclasses
import io

import numpy as np
import pytest
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.errors import LabelError
from benchmark.labelling.label_report import audit_summary, label_summary
from benchmark.labelling.near_duplicates import NEAR, near_duplicates, perceptual_hash
from benchmark.suites.splits import check_disjoint


class Planted:
    """A dataset in which a source of the test part is a changed copy of one of the training part."""

    def __init__(self, dataset, copy, original, change):
        self.dataset, self.copy, self.original, self.change = dataset, copy, original, change

    def read(self, source):
        if source != self.copy:
            return self.dataset.read(source)
        return np.asarray(self.change(Image.fromarray(self.dataset.read(self.original))))


def recompressed(image):
    """As a JPEG of quality 30."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=30)
    return Image.open(buffer).convert("RGB")


def planted(truth, change):
    """The ground truth with a changed copy in its test part; the names of copy and original."""
    copy, original = truth.parts["test"][3], truth.parts["train"][5]
    dataset = Planted(truth.indexed.dataset, copy.id, original.id, change)
    parts = dict(truth.parts)
    parts["test"] = [
        dataclasses.replace(one, digest=digest("planted")) if one is copy else one for one in parts["test"]
    ]
    indexed = dataclasses.replace(truth.indexed, dataset=dataset, parts=parts)
    return dataclasses.replace(truth, indexed=indexed), (original.id, copy.id)


@pytest.mark.parametrize(
    "change",
    [lambda image: image, recompressed, lambda image: image.resize((48, 48)), lambda image: image.resize((128, 128))],
    ids=["same pixels", "recompressed", "smaller", "larger"],
)
def test_a_planted_duplicate_is_found(tiny, tmp_path, change):
    """A copy on the other side of the split, recompressed or resized, is the most alike of all pairs."""
    truth, names = planted(tiny, change)
    pair = near_duplicates(truth.indexed, tmp_path)[0]
    assert pair.parts == ("train", "test")
    assert pair.sources == names
    assert pair.distance <= NEAR
    assert str(pair) == f"train {names[0]} and test {names[1]}: distance {pair.distance}"


def test_label_tells_of_it(tiny, tmp_path):
    """The summary of `label` names the pair, and says so where there is none."""
    truth, names = planted(tiny, recompressed)
    text = label_summary(truth, tmp_path)
    assert f"train {names[0]} and test {names[1]}: distance" in text
    assert "Look at them" in text
    assert "none looks like one of another part" in "".join(audit_summary([]))


def test_hashes_are_kept_by_content(tiny, tmp_path, monkeypatch):
    """A photograph is hashed once; a damaged cache is made again."""
    first = near_duplicates(tiny.indexed, tmp_path)
    kept = tmp_path / "hashes" / "glyphs.json"
    kept.write_text("{")
    assert near_duplicates(tiny.indexed, tmp_path) == first
    monkeypatch.setattr(
        "benchmark.labelling.near_duplicates.perceptual_hash", lambda image: pytest.fail("hashed again")
    )
    assert near_duplicates(tiny.indexed, tmp_path) == first


def test_the_hash_has_64_bits(tiny):
    """Different photographs have different hashes, each within 64 bits."""
    values = [perceptual_hash(tiny.indexed.dataset.read(source.id)) for source in tiny.parts["test"][:20]]
    assert all(0 <= value < 2**64 for value in values)
    assert len(set(values)) > 15


def test_the_same_content_on_both_sides_is_refused(tiny):
    """What needs no likeness to be found, the same content under two names, is an error."""
    copy = dataclasses.replace(tiny.parts["train"][0], id="other")
    with pytest.raises(LabelError, match="leak"):
        check_disjoint(tiny.parts | {"test": [*tiny.parts["test"], copy]})
