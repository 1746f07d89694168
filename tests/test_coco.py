"""COCO's layout is read as it is, and annotations that contradict themselves are refused by name."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import BenchmarkError, DataError, SuiteError
from benchmark.core.types import Source
from benchmark.plugins.datasets import Augmented, index, open_dataset
from benchmark.plugins.datasets.coco import COCO


def table():
    """Annotations of two photographs, the second without objects."""
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 60, "height": 40},
            {"id": 9, "file_name": "b.png", "width": 30, "height": 30},
        ],
        "categories": [{"id": 2 * number + 1, "name": str(number)} for number in range(80)],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 3, "bbox": [10, 5, 20, 30], "iscrowd": 0, "area": 600},
            {"id": 2, "image_id": 7, "category_id": 159, "bbox": [0, 0, 60, 40], "iscrowd": 1, "area": 2400},
        ],
    }


@pytest.fixture
def make(tmp_path):
    """Writes annotations and photographs, and opens them."""

    def write(annotations, photographs=("a.png", "b.png")):
        (tmp_path / "coco" / "annotations").mkdir(parents=True, exist_ok=True)
        (tmp_path / "coco" / "val2017").mkdir(exist_ok=True)
        text = annotations if isinstance(annotations, str) else json.dumps(annotations)
        (tmp_path / "coco" / "annotations" / "instances_val2017.json").write_text(text)
        for name, size in (("a.png", (60, 40)), ("b.png", (30, 30))):
            if name in photographs:
                Image.new("RGB", size, "red").save(tmp_path / "coco" / "val2017" / name)
        return COCO(tmp_path)

    return write


def test_reads_boxes_classes_and_crowds(make):
    """Corners in px, classes in the order of category ids, crowds marked, images without objects kept."""
    dataset = make(table())
    first, second = dataset.sources()
    assert (first.id, second.id) == ("a", "b")
    assert first.truth.boxes.tolist() == [[10, 5, 30, 35], [0, 0, 60, 40]]
    assert first.truth.classes.tolist() == [1, 79]
    assert first.truth.crowd.tolist() == [False, True]
    assert first.truth.size == (40, 60)
    assert second.truth.boxes.shape == (0, 4)
    assert dataset.read("a").shape == (40, 60, 3)
    assert dataset.bits("a") == 8 * dataset.files["a"].stat().st_size


def test_digest_covers_the_annotations(make, tmp_path):
    """The same photograph with another box is another source."""
    before = [source.digest for source in index(make(table()), tmp_path / "cache")]
    other = table()
    other["annotations"][0]["bbox"][2] = 21
    after = [source.digest for source in index(make(other), tmp_path / "cache")]
    assert before[0] != after[0]
    assert before[1] == after[1]


def change(where, **values):
    """Annotations with one entry changed."""
    changed = table()
    kind, place = where
    changed[kind][place] |= values
    return changed


WRONG = {
    "unknown category": (change(("annotations", 0), category_id=4), ["annotation 1", "category 4"]),
    "unknown image": (change(("annotations", 1), image_id=8), ["annotation 2", "image 8"]),
    "box outside": (change(("annotations", 0), bbox=[50, 5, 20, 30]), ["annotation 1", "outside", "60 x 40"]),
    "box without area": (change(("annotations", 0), bbox=[50, 5, 0, 30]), ["annotation 1", "no area"]),
    "annotation twice": (change(("annotations", 1), id=1), ["annotations", "id 1", "twice"]),
    "image twice": (change(("images", 1), id=7), ["images", "id 7", "twice"]),
    "category twice": (change(("categories", 1), id=1), ["categories", "id 1", "twice"]),
    "wrong classes": (table() | {"categories": [{"id": 1}, {"id": 3}, {"id": 159}]}, ["3 categories", "80"]),
    "no bbox": (table() | {"annotations": [{"id": 1, "image_id": 7, "category_id": 1}]}, ["bbox"]),
    "no iscrowd": (change(("annotations", 0), iscrowd=None), ["annotation 1", "iscrowd"]),
    "box is no number": (change(("annotations", 0), bbox=[10, 5, float("nan"), 30]), ["annotation 1", "finite"]),
    "same name twice": (change(("images", 1), file_name="a.jpg"), ["images 7 and 9", "same name"]),
    "no JSON": ("{", ["not COCO's format"]),
    "a list": ("[]", ["not COCO's format"]),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_annotations_are_refused(make, name):
    """The message names the file, the entry and what is wrong."""
    annotations, told = WRONG[name]
    with pytest.raises(DataError) as caught:
        make(annotations)
    assert "instances_val2017.json" in str(caught.value)
    for part in told:
        assert part in str(caught.value)


def test_a_missing_photograph_is_named(make):
    """An image of the annotations without a file stops with its path."""
    with pytest.raises(DataError, match=r"image 9: no file .*b\.png"):
        make(table(), photographs=("a.png",))


def test_a_photograph_of_another_size_is_refused(make):
    """Boxes would not fit."""
    dataset = make(change(("images", 0), width=61))
    with pytest.raises(DataError, match=r"a\.png.*\(40, 60\)"):
        dataset.read("a")


@pytest.mark.parametrize("data", [None, Path("nowhere")])
def test_missing_coco_says_how_to_get_it(data):
    """One line that names the place and the source."""
    with pytest.raises(BenchmarkError, match=r"coco/|cocodataset\.org"):
        COCO(data)


def test_augmented_boxes_stay_on_their_objects(make):
    """In every version the box of a red patch on black lies on the red, and boxes cut away are gone."""
    dataset = make(table())
    pixels = np.zeros((40, 60, 3), np.uint8)
    pixels[5:35, 10:30, 0] = 255
    Image.fromarray(pixels).save(dataset.files["a"])
    augmented = Augmented(dataset)
    source = Source("a", dataset.truths["a"], digest="0")
    for version in augmented.versions(source, 20):
        image = augmented.read(version.id)
        assert version.truth.size == image.shape[:2]
        left, top, right, bottom = version.truth.boxes[0].astype(int)
        red = np.argwhere(image[..., 0] == 255)
        assert (red.min(0).tolist(), red.max(0).tolist()) == ([top, left], [bottom - 1, right - 1])


def test_real_photographs_and_annotations(coco_data):
    """The photographs at hand decode to their sizes, and every box has a class below 80."""
    dataset = COCO(coco_data)
    sources = dataset.sources()
    assert sources
    for source in sources[:10]:
        assert dataset.read(source.id).shape[:2] == source.truth.size
    assert max(int(source.truth.classes.max(initial=0)) for source in sources) < 80


def test_boxes_of_coco_are_not_resized(make, tmp_path):
    """Photographs with boxes cannot be brought to one short side, and the error says why."""
    make(table())
    with pytest.raises(SuiteError, match="dataset coco: has no option short_side, since its boxes are in px"):
        open_dataset({"name": "coco", "short_side": 256}, tmp_path)
