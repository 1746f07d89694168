"""The audit finds what leaked though ids and contents differ."""

import dataclasses
import io

import imagehash
import numpy as np
import pytest
from PIL import Image

from benchmark.core.digests import digest
from benchmark.core.errors import LabelError
from benchmark.labelling.label_report import audit_summary, label_summary
from benchmark.labelling.near_duplicates import NEAR, TURNS, near_duplicates, perceptual_hashes
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


def transposed(method):
    """The change that Pillow makes by a method, after which the image is recompressed."""
    return lambda image: recompressed(image.transpose(method))


CHANGES = {
    "same pixels": (lambda image: image, ""),
    "recompressed": (recompressed, ""),
    "smaller": (lambda image: image.resize((48, 48)), ""),
    "larger": (lambda image: image.resize((128, 128)), ""),
    "mirrored": (transposed(Image.Transpose.FLIP_LEFT_RIGHT), ", the first mirrored left to right"),
    "upside down": (transposed(Image.Transpose.FLIP_TOP_BOTTOM), ", the first mirrored top to bottom"),
    "turned by 90": (transposed(Image.Transpose.ROTATE_90), ", the first turned by 90 degrees"),
    "turned by 180": (transposed(Image.Transpose.ROTATE_180), ", the first turned by 180 degrees"),
    "turned by 270": (transposed(Image.Transpose.ROTATE_270), ", the first turned by 270 degrees"),
    "mirrored and turned": (transposed(Image.Transpose.TRANSPOSE), ", the first transposed"),
}


@pytest.mark.parametrize(("change", "turned"), CHANGES.values(), ids=CHANGES)
def test_a_planted_duplicate_is_found(tiny, tmp_path, change, turned):
    """A copy on the other side of the split, recompressed, resized, mirrored or turned, is the most alike of all pairs."""
    truth, names = planted(tiny, change)
    pair = near_duplicates(truth.indexed, tmp_path)[0]
    assert pair.parts == ("train", "test")
    assert pair.sources == names
    assert pair.distance <= NEAR
    assert str(pair) == f"train {names[0]} and test {names[1]}: distance {pair.distance}{turned}"


def test_a_crop_is_not_found(tiny, tmp_path):
    """The audit says that it does not find crops, and does not find one that lacks a tenth on each side."""
    truth, names = planted(tiny, lambda image: image.crop((7, 7, 57, 57)))
    assert names not in [pair.sources for pair in near_duplicates(truth.indexed, tmp_path)]
    for pairs in ([], near_duplicates(planted(tiny, recompressed)[0].indexed, tmp_path / "other")):
        assert "rops are not found" in "".join(audit_summary(pairs))


def test_label_tells_of_it(tiny, tmp_path):
    """The summary of `label` names the pair, and says so where there is none."""
    truth, names = planted(tiny, recompressed)
    text = label_summary(truth, tmp_path)
    assert f"train {names[0]} and test {names[1]}: distance" in text
    assert "Look at them" in text
    assert "none looks like one of another part" in "".join(audit_summary([]))


def test_hashes_are_kept_by_content(tiny, tmp_path, monkeypatch):
    """A photograph is hashed once, and a damaged cache is made again."""
    first = near_duplicates(tiny.indexed, tmp_path)
    kept = tmp_path / "hashes" / "glyphs-8-turns.json"
    kept.write_text("{")
    assert near_duplicates(tiny.indexed, tmp_path) == first
    monkeypatch.setattr(
        "benchmark.labelling.near_duplicates.perceptual_hashes", lambda image: pytest.fail("hashed again")
    )
    assert near_duplicates(tiny.indexed, tmp_path) == first


def test_hashes_are_those_of_turned_images(tiny):
    """Each hash is that of imagehash, of the image as Pillow turns it, but for bits that depend on rounding."""
    methods = ["FLIP_LEFT_RIGHT", "FLIP_TOP_BOTTOM", "ROTATE_90", "ROTATE_180", "ROTATE_270", "TRANSPOSE", "TRANSVERSE"]
    for source in tiny.parts["test"][:20]:
        image = Image.fromarray(tiny.indexed.dataset.read(source.id))
        versions = [image, *(image.transpose(Image.Transpose[method]) for method in methods)]
        expected = [int(str(imagehash.phash(version)), 16) for version in versions]
        found = perceptual_hashes(np.asarray(image))
        assert len(found) == len(TURNS)
        assert found[0] == expected[0]
        assert max((one ^ other).bit_count() for one, other in zip(found, expected, strict=True)) <= 4


def test_the_hash_has_64_bits(tiny):
    """Different photographs have different hashes, each within 64 bits."""
    values = [perceptual_hashes(tiny.indexed.dataset.read(source.id))[0] for source in tiny.parts["test"][:20]]
    assert all(0 <= value < 2**64 for value in values)
    assert len(set(values)) > 15


def test_the_same_content_on_both_sides_is_refused(tiny):
    """What needs no likeness to be found, the same content under two names, is an error."""
    copy = dataclasses.replace(tiny.parts["train"][0], id="other")
    with pytest.raises(LabelError, match="leak"):
        check_disjoint(tiny.parts | {"test": [*tiny.parts["test"], copy]})
