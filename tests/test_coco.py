"""COCO's layout is read as it is, and annotations that contradict themselves are refused by name."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision import models

from benchmark.core.errors import BenchmarkError, DataError, SuiteError
from benchmark.core.types import Source
from benchmark.plugins.datasets import Augmented, index, open_dataset
from benchmark.plugins.datasets.coco import COCO
from benchmark.plugins.datasets.coco_annotations import NAMES


def table():
    """Annotations of two photographs, the second without objects."""
    return {
        "images": [
            {"id": 7, "file_name": "a.png", "width": 60, "height": 40},
            {"id": 9, "file_name": "b.png", "width": 30, "height": 30},
        ],
        "categories": [{"id": 2 * number + 1, "name": name} for number, name in enumerate(NAMES)],
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
    "no names": (table() | {"categories": [{"id": 1}, {"id": 3}, {"id": 159}]}, ["name", "categories[0]"]),
    "unknown names": (change(("categories", 1), name="pedestrian"), ["'pedestrian'", "80", "person, bicycle, car"]),
    "image without area": (change(("images", 1), height=0), ["image 9", "30 x 0 px"]),
    "no bbox": (table() | {"annotations": [{"id": 1, "image_id": 7, "category_id": 1}]}, ["bbox"]),
    "wrong iscrowd": (change(("annotations", 0), iscrowd="maybe"), ["annotation 1", "iscrowd"]),
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


def renumbered(order):
    """Annotations with categories in this order, numbered from 0 as other tools do; of the same objects."""
    changed = table()
    by_id = {entry["id"]: entry["name"] for entry in changed["categories"]}
    changed["categories"] = [{"id": number, "name": name} for number, name in enumerate(order)]
    for entry in changed["annotations"]:
        entry["category_id"] = order.index(by_id[entry["category_id"]])
    return changed


def written(*, ids=int, names=str, drop=(), paths=""):
    """Annotations with ids and names of other types or cases, without some keys of the objects, with paths of files."""
    changed = table()
    for image in changed["images"]:
        image |= {"id": ids(image["id"]), "file_name": paths + image["file_name"]}
    for category in changed["categories"]:
        category |= {"id": ids(category["id"]), "name": names(category["name"])}
    for entry in changed["annotations"]:
        entry |= {key: ids(entry[key]) for key in ("id", "image_id", "category_id")}
    changed["annotations"] = [
        {key: value for key, value in entry.items() if key not in drop or value == 1}
        for entry in changed["annotations"]
    ]
    return changed


USED = [NAMES[1], NAMES[79]]
TOOLS = {
    "from 0": renumbered(list(NAMES)),
    "by alphabet": renumbered(sorted(NAMES)),
    "the categories that occur": renumbered(USED),
    "a super-category without objects": renumbered(["things", *USED]),
    "floats": written(ids=float),
    "texts": written(ids=str),
    "texts with zeros": written(ids=lambda number: f"{number:012d}"),
    "other texts": written(ids=lambda number: f"id-{number}"),
    "capitals": written(names=str.upper),
    "underscores": written(names=lambda name: name.title().replace(" ", "_")),
    "no area, no iscrowd where it is 0": written(drop={"area", "iscrowd"}),
    "no ids of objects": {**table(), "annotations": [entry | {"id": None} for entry in table()["annotations"]]},
    "Label Studio's folder": written(paths="images/"),
    "a path of Windows": written(paths="..\\..\\upload\\1\\"),
    "an absolute path": written(paths="/label-studio/data/"),
    "boxes as texts": {
        **table(),
        "annotations": [entry | {"bbox": [str(value) for value in entry["bbox"]]} for entry in table()["annotations"]],
    },
    "a mark of byte order": "\ufeff" + json.dumps(table()),
}


@pytest.mark.parametrize("tool", TOOLS)
def test_files_of_other_tools_give_the_same_objects(make, tool):
    """However categories and ids are written, the photographs have the same boxes, classes and crowds."""
    expected, sources = make(table()).sources(), make(TOOLS[tool]).sources()
    assert [source.id for source in sources] == [source.id for source in expected]
    for source, other in zip(sources, expected, strict=True):
        assert source.truth.size == other.truth.size
        for name in ("boxes", "classes", "crowd"):
            np.testing.assert_array_equal(getattr(source.truth, name), getattr(other.truth, name))


def test_classes_are_those_of_the_networks():
    """The names stand in the order of the classes of torchvision's detectors."""
    meta = models.get_model_weights("ssd300_vgg16").COCO_V1.meta["categories"]
    assert [name for name in meta if name not in ("__background__", "N/A")] == list(NAMES)


def test_categories_that_are_missing_are_told(make, caplog):
    """A file with a few of the 80 categories is used, and their number is told."""
    make(TOOLS["the categories that occur"])
    assert "has 2 of the networks' 80 categories" in caplog.text


def test_photographs_without_an_entry_are_told(make, tmp_path, caplog):
    """Photographs that the annotations do not list take no part, and their number is told; clutter is not counted."""
    make(table())
    for name in ("c.png", "d.jpg", "._c.png"):
        (tmp_path / "coco" / "val2017" / name).write_bytes(b"")
    COCO(tmp_path)
    assert "2 photographs are not in" in caplog.text


def test_boxes_are_of_the_stored_photograph(make, tmp_path):
    """A photograph is not turned as its EXIF says, and an annotation of the turned size is refused when it is indexed."""
    dataset = make(table())
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(dataset.files["a"], exif=exif)
    np.testing.assert_array_equal(dataset.read("a"), pixels)
    Image.fromarray(pixels.swapaxes(0, 1)).save(dataset.files["a"], exif=exif)
    with pytest.raises(
        DataError, match=r"a\.png: is \(60, 40\) px .* says \(40, 60\); boxes are in px of the stored image"
    ):
        index(dataset, tmp_path / "cache")


def test_the_same_photograph_with_other_objects_is_a_copy(make, tmp_path, caplog):
    """Byte-identical photographs are of one group, though their objects, and so their digests, differ."""
    changed = change(("images", 1), width=60, height=40)
    dataset = make(changed)
    shutil.copy(dataset.files["a"], dataset.files["b"])
    first, second = index(COCO(tmp_path), tmp_path / "cache")
    assert first.digest != second.digest
    assert (first.copy_of, second.copy_of) == ("", "a")
    assert first.group == second.group
    assert "1 sources are byte-identical copies of 1 others" in caplog.text


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
