"""The finder of photographs: what is found below a folder, by every dataset and by `score`."""

import logging
import os

import pytest
from PIL import Image

from benchmark.core.errors import BenchmarkError, DataError, SuiteError
from benchmark.core.photographs import endings, find_photographs, image_files
from benchmark.core.storage import location
from benchmark.plugins import datasets
from benchmark.plugins.datasets import open_dataset
from benchmark.plugins.datasets.imagenet import WNIDS, ImageNet

WNID, OTHER_WNID = WNIDS.read_text().split()[:2]


def photograph(path):
    """A small photograph at this path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 6), "red").save(path, "PNG")
    return path


def names(paths, folder):
    """The paths relative to the folder, as texts."""
    return [path.relative_to(folder).as_posix() for path in paths]


@pytest.mark.parametrize(
    "name",
    ["a.jpg", "b.JPEG", "c.jfif", "d.avif", "e.gif", "f.WebP", "g.tiff", "h.bmp", "i.jp2", "j.mpo", "k~aug1.png"],
)
def test_every_ending_that_pillow_decodes_is_found(name, tmp_path):
    """Endings count in any case."""
    photograph(tmp_path / "below" / name)
    assert names(image_files([str(tmp_path)]), tmp_path) == [f"below/{name}"]


def test_endings_of_what_pillow_cannot_decode_are_none():
    """Kinds that Pillow only recognises, writes, or leaves to another program are no photographs."""
    assert not endings() & {".pdf", ".eps", ".ps", ".mpg", ".h5", ".grib", ".txt", ".npz"}


@pytest.mark.parametrize(
    "name",
    [
        "._a.jpg",
        ".DS_Store",
        ".hidden/a.jpg",
        "Thumbs.db",
        "__MACOSX/a.jpg",
        "__MACOSX/._a.jpg",
        "@eaDir/a.jpg",
        "a.jpg~",
    ],
)
def test_clutter_is_left_out(name, tmp_path):
    """What systems put beside photographs is no part of the collection."""
    photograph(tmp_path / "sound.png")
    photograph(tmp_path / name)
    assert names(find_photographs(tmp_path), tmp_path) == ["sound.png"]


def test_a_hidden_folder_may_be_the_collection_itself(tmp_path):
    """Only names below the folder decide."""
    photograph(tmp_path / ".cache" / "a.png")
    assert names(find_photographs(tmp_path / ".cache"), tmp_path) == [".cache/a.png"]


def test_a_folder_is_no_photograph(tmp_path):
    """A folder that is named like an image is entered, not decoded."""
    photograph(tmp_path / "x.jpg" / "a.png")
    assert names(find_photographs(tmp_path), tmp_path) == ["x.jpg/a.png"]


def test_linked_folders_are_followed_and_loops_are_not(tmp_path):
    """Photographs behind links are found, in the same order every time; a link back to a folder above ends there."""
    photograph(tmp_path / "elsewhere" / "deep" / "b.png")
    photograph(tmp_path / "photos" / "a.png")
    (tmp_path / "photos" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "photos" / "c.png").symlink_to(tmp_path / "photos" / "a.png")
    (tmp_path / "elsewhere" / "deep" / "back").symlink_to(tmp_path / "photos", target_is_directory=True)
    (tmp_path / "elsewhere" / "deep" / "self").symlink_to(tmp_path / "elsewhere" / "deep", target_is_directory=True)
    expected = ["a.png", "c.png", "linked/deep/b.png"]
    assert names(find_photographs(tmp_path / "photos"), tmp_path / "photos") == expected


@pytest.mark.parametrize("name", ["a.jpg", "folder"])
def test_a_link_to_nothing_is_named(name, tmp_path):
    """What a link promised is not lost in silence."""
    photograph(tmp_path / "sound.png")
    (tmp_path / name).symlink_to(tmp_path / "nowhere")
    with pytest.raises(DataError, match=rf"{name}: is a link to .*nowhere, which is not there"):
        find_photographs(tmp_path)


def test_a_pipe_is_no_photograph(tmp_path):
    """A pipe with the name of an image is refused, since reading it would never end."""
    os.mkfifo(tmp_path / "a.jpg")
    with pytest.raises(DataError, match=r"a\.jpg: is no regular file"):
        find_photographs(tmp_path)


def test_kinds_that_are_not_decoded_here_are_told(tmp_path, caplog):
    """Image files that are left out are counted by their endings; other files are not spoken of."""
    for name in ("a.png", "b.xcf", "c.XCF", "d.svg", "e.txt"):
        photograph(tmp_path / name)
    with caplog.at_level(logging.WARNING):
        assert names(find_photographs(tmp_path), tmp_path) == ["a.png"]
    assert "1 .svg, 2 .xcf" in caplog.text
    assert "txt" not in caplog.text


def test_addresses_have_the_same_photographs(tmp_path):
    """At an address the same files are found as in a folder."""
    there = location("memory://finder/photos")
    for name in ("b/x.jpg/a.JFIF", "b/._a.jpg", "__MACOSX/a.jpg", "train/a.jpg", "c.gif", "notes.txt"):
        (there / name).parent.mkdir(parents=True, exist_ok=True)
        (there / name).write_bytes(b"1")
    found = find_photographs(there, skip=lambda name: name == "train")
    assert [path.path.removeprefix(there.path).lstrip("/") for path in found] == ["b/x.jpg/a.JFIF", "c.gif"]


KAGGLE = "ILSVRC/Data/CLS-LOC"
LAYOUTS = {
    "torchvision": ([f"val/{WNID}/v.JPEG"], [f"train/{WNID}/t.JPEG", "test/u.JPEG"]),
    "named parts": ([f"validation/{WNID}/v.jfif"], [f"ILSVRC2012_img_train/{WNID}/t.JPEG", "Test/u.JPEG"]),
    "Kaggle": (
        [f"{KAGGLE}/val/v.JPEG"],
        [f"{KAGGLE}/train/{WNID}/t.JPEG", f"{KAGGLE}/test/u.JPEG", "ILSVRC/Annotations/CLS-LOC/val/v.xml"],
    ),
    "variants beside": ([f"val/{WNID}/v.JPEG"], [f"val_blurred/{WNID}/b.JPEG", "samples/s.png"]),
    "no folder val": ([f"{WNID}/v.JPEG"], [f"train/{WNID}/t.JPEG"]),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_validation_photographs_alone_are_used(layout, tmp_path):
    """Photographs for training or testing, and those of other folders, beside the validation photographs take no part."""
    used, others = LAYOUTS[layout]
    for name in (*used, *others):
        photograph(tmp_path / "imagenet" / name)
    if layout == "Kaggle":
        (tmp_path / "imagenet" / "LOC_val_solution.csv").write_text(f"ImageId,PredictionString\nv,{WNID} 1 2 3 4\n")
    assert [(source.id, source.truth) for source in ImageNet(tmp_path).sources()] == [("v", 0)]


REFUSED = {
    "training photographs alone": ([f"train/{WNID}/t.JPEG"], "no photograph for validation"),
    "two folders": ([f"val/{WNID}/v.JPEG", f"copy/val/{WNID}/w.JPEG"], "both hold validation photographs"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_unclear_parts_are_refused(case, tmp_path):
    """Where it is not clear which photographs are meant, none are taken."""
    files, reason = REFUSED[case]
    for name in files:
        photograph(tmp_path / "imagenet" / name)
    with pytest.raises(DataError, match=reason):
        ImageNet(tmp_path)


def test_photographs_left_out_are_told(tmp_path, caplog):
    """The number of photographs that take no part is a warning."""
    for name in (f"val/{WNID}/v.JPEG", f"val_blurred/{WNID}/b.JPEG"):
        photograph(tmp_path / "imagenet" / name)
    ImageNet(tmp_path)
    assert "1 beside it take no part" in caplog.text


def test_table_and_folder_must_agree(tmp_path):
    """A photograph in the folder of another class than the ground truth gives it is refused."""
    path = photograph(tmp_path / "imagenet" / KAGGLE / "val" / OTHER_WNID / "v.JPEG")
    (tmp_path / "imagenet" / "LOC_val_solution.csv").write_text(f"ImageId,PredictionString\nv,{WNID} 1 2 3 4\n")
    with pytest.raises(DataError, match=f"{path}: lies in {OTHER_WNID}/, the ground truth says {WNID}"):
        ImageNet(tmp_path)


def lacks_an_option(data, options):
    """A dataset that needs an option."""
    return options["count"]


def has_other_options(data, options):
    """A dataset that has no option `count`."""
    return dict(**options, count=1) if not options else (lambda: 0)(**options)


@pytest.mark.parametrize(
    ("factory", "options", "named"),
    [
        (lacks_an_option, {}, "lacks 'count'"),
        (has_other_options, {"colour": 1}, "unexpected keyword argument 'colour'"),
    ],
)
def test_wrong_options_are_named(factory, options, named, monkeypatch):
    """An option that is missing or unknown is an error of the suite."""
    monkeypatch.setitem(datasets.DATASETS, "mine", factory)
    with pytest.raises(SuiteError, match=f"dataset mine: wrong options .*{named}"):
        open_dataset({"name": "mine"} | options, None)


@pytest.mark.parametrize("error", [TypeError, KeyError, ValueError, IndexError, RuntimeError, UnicodeDecodeError])
def test_a_datasets_own_errors_are_no_wrong_options(error, monkeypatch):
    """Whatever else a dataset raises is an error of its data, with its type and words."""

    def opened(data, options):
        raise error(
            *(("utf-8", b"x", 0, 1, "the photograph's name") if error is UnicodeDecodeError else ("the photograph",))
        )

    monkeypatch.setitem(datasets.DATASETS, "mine", opened)
    with pytest.raises(BenchmarkError) as caught:
        open_dataset({"name": "mine"}, None)
    assert isinstance(caught.value, DataError)
    assert "options" not in str(caught.value)
    assert error.__name__ in str(caught.value)
    assert "the photograph" in str(caught.value)
