import csv
import dataclasses
import io
import logging
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.io import savemat

from benchmark.core.digests import digest
from benchmark.core.errors import DataError, SuiteError
from benchmark.core.images import pixel_digest
from benchmark.core.types import Source
from benchmark.plugins.datasets import Augmented, imagenet, index, open_dataset
from benchmark.plugins.datasets.augmented import augment
from benchmark.plugins.datasets.glyphs import Glyphs
from benchmark.plugins.datasets.imagenet import ImageNet

light = settings(max_examples=50)

SMALL = Glyphs(train=20, validation=10, test=10)


def test_open_dataset_names_what_it_does_not_know():
    """An unknown dataset, or an option it lacks, raises SuiteError with the name."""
    with pytest.raises(SuiteError, match="unknown dataset 'glyph'; valid are glyphs, glyph-scenes, imagenet, coco"):
        open_dataset({"name": "glyph"}, None)
    with pytest.raises(SuiteError, match="colour"):
        open_dataset({"name": "glyphs", "train": 1, "validation": 1, "test": 1, "colour": 2}, None)
    for name in ("glyphs", "glyph-scenes"):
        with pytest.raises(SuiteError, match="'12'; it is a number of scenes"):
            open_dataset({"name": name, "train": "12", "validation": 1, "test": 1}, None)
    assert (
        open_dataset({"name": "glyphs", "train": 1, "validation": 1, "test": 1}, None).sources()
        == Glyphs(1, 1, 1).sources()
    )


def test_a_damaged_cache_of_digests_is_made_again(tmp_path):
    """A cache that was cut off is no error: digests are taken anew."""
    first = index(SMALL, tmp_path)
    (file,) = (tmp_path / "digests").iterdir()
    file.write_text(file.read_text()[:50])
    assert index(SMALL, tmp_path) == first


class Counting:
    """Glyphs that counts how often a content is read."""

    def __init__(self, train):
        self.inner, self.count = Glyphs(train=train, validation=0, test=1), 0
        self.signature, self.sources = self.inner.signature, self.inner.sources

    def content(self, source):
        self.count += 1
        return self.inner.content(source)


def test_index_reads_contents_once(tmp_path):
    """Digests are kept in the cache: the second index reads no content and is the same."""
    dataset = Counting(5)
    first = index(dataset, tmp_path)
    assert dataset.count == 6
    assert index(dataset, tmp_path) == first
    assert dataset.count == 6
    assert [source.digest for source in first] == [digest(SMALL.content(source.id)) for source in first]
    assert [dataclasses.replace(source, digest="") for source in first] == dataset.sources()


def test_index_reads_several_photographs_at_once_and_shows_progress(tmp_path, caplog, monkeypatch):
    """Contents are read by threads, as photographs at an address need; digests are those of one after another."""
    together = threading.Barrier(2, timeout=30)

    class Waiting(Counting):
        def content(self, source):
            together.wait()
            return source.encode()

    monkeypatch.setattr("benchmark.plugins.datasets.MANY", 6)
    with caplog.at_level(logging.INFO):
        found = index(Waiting(5), tmp_path)
    assert [source.digest for source in found] == [digest(source.id.encode()) for source in found]
    assert f"indexing: {len(found)}/{len(found)} photographs" in caplog.text


def test_index_keeps_datasets_apart(tmp_path):
    """Another dataset in the same cache is indexed anew."""
    index(Counting(5), tmp_path)
    other = Counting(6)
    assert len(index(other, tmp_path)) == 7
    assert other.count == 7


PARENT = Source(id="train-00004", truth=4, digest="0123456789abcdef", pool="train")


def test_versions_belong_to_their_parent():
    """A version keeps truth and pool, joins its parent's cluster, and has an id and digest of its own."""
    versions = Augmented(SMALL).versions(PARENT, 3)
    assert [version.id for version in versions] == ["train-00004~aug1", "train-00004~aug2", "train-00004~aug3"]
    assert {version.group for version in versions} == {PARENT.group} == {PARENT.id}
    assert {(version.truth, version.pool) for version in versions} == {(4, "train")}
    assert len({PARENT.digest, *(version.digest for version in versions)}) == 4
    assert Augmented(SMALL).versions(PARENT, 2) == versions[:2]
    assert Augmented(SMALL).versions(PARENT, 0) == []


def test_a_versions_digest_follows_its_parents_content():
    """Other content of the parent is other content of the version."""
    other = dataclasses.replace(PARENT, digest="fedcba9876543210")
    one, two = (Augmented(SMALL).versions(source, 1)[0] for source in (PARENT, other))
    assert one.id == two.id
    assert one.digest != two.digest


def test_augmented_reads_parents_untouched_and_versions_alike_in_any_order():
    """The parent is read as it is, and a version's pixels do not depend on what was read before."""
    names = [f"train-{place:05d}~aug{number}" for place in range(4) for number in (1, 2)]
    forwards = {name: pixel_digest(Augmented(SMALL).read(name)) for name in names}
    again = Augmented(SMALL)
    assert {name: pixel_digest(again.read(name)) for name in reversed(names)} == forwards
    assert len(set(forwards.values())) > len(names) // 2  # two versions may be the same crop
    assert again.read("train-00000") is SMALL.read("train-00000")


def where(height, width):
    """An image whose first two channels say the row and the column, so that a crop tells where it came from."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, rows * 0], axis=2).astype(np.uint8)


@light
@given(st.text(max_size=20), st.integers(1, 200), st.integers(1, 200))
def test_augmentation_is_a_crop_mirrored_or_not(name, height, width):
    """An augmented image is a contiguous crop of 70 to 100 % of the area, mirrored or not, and depends on the name alone."""
    crop = augment(where(height, width), name)
    rows, columns = crop[:, 0, 0].astype(int), crop[0, :, 1].astype(int)
    assert (np.diff(rows) == 1).all()
    assert (np.diff(columns) == 1).all() or (np.diff(columns) == -1).all()
    assert (crop[..., 0] == rows[:, None]).all()
    assert (crop[..., 1] == columns[None, :]).all()
    for side, whole in ((crop.shape[0], height), (crop.shape[1], width)):
        assert whole * np.sqrt(0.7) - 0.5 <= side <= whole
    assert (augment(where(height, width), name) == crop).all()


def test_augmentation_mirrors_half_and_uses_the_whole_range():
    """Over many names half of the versions are mirrored, and areas spread from 70 to 100 %."""
    crops = [augment(where(100, 100), f"n~{number}") for number in range(300)]
    mirrored = np.mean([crop[0, 0, 1] > crop[0, -1, 1] for crop in crops])
    areas = [crop.shape[0] * crop.shape[1] / 10_000 for crop in crops]
    assert 0.4 < mirrored < 0.6
    assert min(areas) < 0.72
    assert max(areas) > 0.98
    assert np.mean(areas) == pytest.approx(0.85, abs=0.02)


WNIDS = imagenet.WNIDS.read_text().split()
VALIDATION = {f"ILSVRC2012_val_{place:08d}": WNIDS[truth] for place, truth in enumerate([65, 970, 0, 999, 65], start=1)}


def jpeg(seed=0):
    """The bytes of a small photograph."""
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (24, 32, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(buffer, "JPEG")
    return buffer.getvalue()


def place(folder, name, data=None):
    """Write a photograph of this name."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(jpeg(len(name)) if data is None else data)
    return folder / name


def by_class(data):
    """The layout of torchvision."""
    for name, wnid in VALIDATION.items():
        place(data / "imagenet" / "val" / wnid, f"{name}.JPEG")


def kaggle(data):
    """Kaggle's layout."""
    for name in VALIDATION:
        place(data / "imagenet" / "ILSVRC" / "Data" / "CLS-LOC" / "val", f"{name}.JPEG")
    with (data / "imagenet" / "LOC_val_solution.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["ImageId", "PredictionString"])
        table.writerows((name, f"{wnid} 1 2 3 4 {wnid} 5 6 7 8 ") for name, wnid in reversed(VALIDATION.items()))


def devkit(data):
    """The layout of the original archives, whose class numbers are not in the order of the wnids."""
    for name in VALIDATION:
        place(data / "imagenet" / "val", f"{name}.JPEG")
    folder = data / "imagenet" / "ILSVRC2012_devkit_t12" / "data"
    folder.mkdir(parents=True)
    numbers = {wnid: number for number, wnid in enumerate(reversed(WNIDS), start=1)}
    synsets = np.zeros(len(numbers), dtype=[("ILSVRC2012_ID", "O"), ("WNID", "O")])
    for row, (wnid, number) in zip(synsets, numbers.items(), strict=True):
        row["ILSVRC2012_ID"], row["WNID"] = float(number), wnid
    savemat(folder / "meta.mat", {"synsets": synsets[:, None]})
    lines = [f"{numbers[wnid]}\n" for wnid in VALIDATION.values()]
    (folder / "ILSVRC2012_validation_ground_truth.txt").write_text("".join(lines))


LAYOUTS = {"by class": by_class, "kaggle": kaggle, "devkit": devkit}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_of_imagenet_gives_the_same_sources(layout, tmp_path):
    """Ids and true classes are the same however the photographs were unpacked, and contents can be read."""
    LAYOUTS[layout](tmp_path)
    dataset = ImageNet(tmp_path)
    expected = [Source(id=name, truth=WNIDS.index(wnid)) for name, wnid in sorted(VALIDATION.items())]
    assert dataset.sources() == expected
    assert [source.truth for source in expected] == [65, 970, 0, 999, 65]
    for source in expected:
        assert dataset.content(source.id) == jpeg(len(f"{source.id}.JPEG"))
        assert dataset.read(source.id).shape == (24, 32, 3)


@pytest.mark.parametrize("ending", [".JPEG", ".jpg", ".jpeg", ".png"])
def test_photographs_may_have_any_of_the_endings(ending, tmp_path):
    """The ending is no part of the id."""
    place(tmp_path / "imagenet" / "val" / WNIDS[3], f"cat{ending}")
    assert ImageNet(tmp_path).sources() == [Source(id="cat", truth=3)]


def test_the_thousand_classes_are_torchvisions():
    """The wnids are a thousand, sorted, from tench to toilet tissue: class k is torchvision's class k."""
    assert len(set(WNIDS)) == 1000
    assert sorted(WNIDS) == WNIDS
    assert (WNIDS[0], WNIDS[-1]) == ("n01440764", "n15075141")


def test_a_changed_file_changes_the_signature(tmp_path):
    """Another photograph under the same name is another dataset; an untouched one the same."""
    by_class(tmp_path)
    before = ImageNet(tmp_path).signature()
    assert ImageNet(tmp_path).signature() == before
    place(tmp_path / "imagenet" / "val" / WNIDS[0], "ILSVRC2012_val_00000003.JPEG", jpeg(99) + b" ")
    assert ImageNet(tmp_path).signature() != before


def no_folder(data):
    """Nothing at all."""
    return "no folder", str(data / "imagenet")


def no_photograph(data):
    """A folder without a photograph."""
    place(data / "imagenet" / "val" / WNIDS[0], "readme.txt")
    return "no photograph", str(data / "imagenet")


def unknown_wnid(data):
    """A folder that is no class."""
    return "no wnid", str(place(data / "imagenet" / "val" / "n00000000", "cat.JPEG")), "n00000000"


def loose_photograph(data):
    """A photograph outside the class folders."""
    by_class(data)
    return "no wnid", str(place(data / "imagenet" / "val", "loose.JPEG"))


def duplicate_name(data):
    """One name in two classes."""
    folders = [data / "imagenet" / "val" / wnid for wnid in WNIDS[:2]]
    return "same name", *(str(place(folder, "cat.JPEG")) for folder in folders)


def not_in_table(data):
    """A photograph that Kaggle's table does not list."""
    kaggle(data)
    return "no entry", str(place(data / "imagenet" / "ILSVRC" / "Data" / "CLS-LOC" / "val", "stranger.JPEG"))


def devkit_without_classes(data):
    """A devkit whose meta.mat is gone."""
    devkit(data)
    folder = data / "imagenet" / "ILSVRC2012_devkit_t12" / "data"
    (folder / "meta.mat").unlink()
    return (str(folder / "meta.mat"),)


def table_without_columns(data):
    """A solution table with other columns."""
    kaggle(data)
    (data / "imagenet" / "LOC_val_solution.csv").write_text("id,class\nx,y\n")
    return (str(data / "imagenet" / "LOC_val_solution.csv"),)


@pytest.mark.parametrize(
    "spoil",
    [
        no_folder,
        no_photograph,
        unknown_wnid,
        loose_photograph,
        duplicate_name,
        not_in_table,
        devkit_without_classes,
        table_without_columns,
    ],
)
def test_imagenet_that_cannot_be_used_says_what_and_where(spoil, tmp_path):
    """Whatever is missing, unknown or double raises DataError, and the message names the culprit."""
    named = spoil(tmp_path)
    with pytest.raises(DataError) as caught:
        ImageNet(tmp_path)
    assert all(part in str(caught.value) for part in named)


def test_no_data_folder_says_how_to_name_one():
    """Without a data folder the error tells both ways to give one."""
    with pytest.raises(DataError, match="UTILBENCH_DATA or --data"):
        ImageNet(None)


@pytest.mark.parametrize(
    "data", [b"", b"no image", jpeg()[:300], jpeg()[:-20]], ids=["empty", "text", "cut", "cut late"]
)
def test_a_damaged_photograph_is_named(data, tmp_path):
    """A photograph that is empty, no image or truncated raises DataError with its path."""
    path = place(tmp_path / "imagenet" / "val" / WNIDS[0], "cat.JPEG", data)
    with pytest.raises(DataError, match="not a readable image") as caught:
        ImageNet(tmp_path).read("cat")
    assert str(path) in str(caught.value)


def test_a_photograph_that_vanished_is_named(tmp_path):
    """A file that is deleted after the listing raises DataError with its path."""
    path = place(tmp_path / "imagenet" / "val" / WNIDS[0], "cat.JPEG")
    dataset = ImageNet(tmp_path)
    path.unlink()
    with pytest.raises(DataError, match="cannot be read") as caught:
        dataset.read("cat")
    assert str(path) in str(caught.value)


def few_photographs(data, contents):
    """An ImageNet of photographs with these seeds of their pixels, by name, each in a class of its own."""
    for wnid, (name, seed) in zip(WNIDS, contents.items(), strict=False):
        place(data / "imagenet" / "val" / wnid, f"{name}.JPEG", jpeg(seed))
    return open_dataset({"name": "imagenet"}, data)


def test_byte_identical_photographs_are_one_group(tmp_path, caplog):
    """Sources of one content are copies of the first by id, in other classes too, and their number is told."""
    sources = index(few_photographs(tmp_path, {"cat": 1, "dog": 2, "bat": 1, "owl": 1, "fox": 2}), tmp_path / "cache")
    assert {source.id: source.copy_of for source in sources} == {
        "bat": "",
        "cat": "bat",
        "owl": "bat",
        "dog": "",
        "fox": "dog",
    }
    assert len({source.group for source in sources}) == 2
    assert "3 sources are byte-identical copies of 2 others, such as cat of bat" in caplog.text


def test_photographs_without_copies_are_not_spoken_of(tmp_path, caplog):
    """Where every content is another one, nothing is marked and nothing told."""
    sources = index(few_photographs(tmp_path, {"cat": 1, "dog": 2}), tmp_path / "cache")
    assert {source.copy_of for source in sources} == {""}
    assert not caplog.text


def test_a_version_of_a_copy_is_of_its_group():
    """Augmented versions of a copy belong to the first photograph's cluster, and are made of their own parent."""
    (version,) = Augmented(SMALL).versions(dataclasses.replace(PARENT, copy_of="train-00001"), 1)
    assert (version.parent, version.group) == ("train-00004", "train-00001")


@pytest.mark.parametrize("name", ["x~aug1", "~aug", "x~aug1~aug2"])
def test_a_photograph_may_be_named_like_a_version(name, tmp_path):
    """A photograph whose name holds the mark of versions is read as it is, and so are its own versions."""
    dataset = few_photographs(tmp_path, {name: 1, "y": 2})
    augmented, (source, _) = (
        Augmented(dataset),
        sorted(index(dataset, tmp_path / "cache"), key=lambda one: one.id != name),
    )
    assert pixel_digest(augmented.read(name)) == pixel_digest(dataset.read(name))
    assert augmented.bits(name) == dataset.bits(name)
    (version,) = augmented.versions(source, 1)
    assert pixel_digest(augmented.read(version.id)) == pixel_digest(augment(dataset.read(name), version.id))
