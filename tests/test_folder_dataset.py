"""The dataset of a person's own folders: what is a photograph of them, what it is called, and where its class is from."""

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError, SuiteError
from benchmark.core.types import UNKNOWN
from benchmark.plugins.datasets import open_dataset


def save(path, value=100):
    """Write a small picture of one grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((10, 12, 3), value, np.uint8)).save(path)
    return path


def opened(path, **options):
    """The dataset of a folder."""
    paths = [str(one) for one in path] if isinstance(path, list) else str(path)
    return open_dataset({"name": "folder", "path": paths, "truth": "consensus", **options}, None)


@pytest.fixture
def folder(tmp_path):
    """A folder with photographs of several kinds in two folders, clutter, and a link to another folder."""
    root = tmp_path / "mine"
    for number, name in enumerate(("cats/a.png", "cats/b.jpg", "dogs/c.webp")):
        save(root / name, 40 * number)
    save(root / ".hidden.png")
    save(tmp_path / "elsewhere" / "d.bmp")
    (root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (root / "notes.txt").write_text("none")
    return root


def test_photographs_are_named_by_their_path(folder):
    """Every image below the folder is a source, links are followed, hidden files are not."""
    dataset = opened(folder)
    assert [source.id for source in dataset.sources()] == ["cats/a.png", "cats/b.jpg", "dogs/c.webp", "linked/d.bmp"]
    assert {source.truth for source in dataset.sources()} == {UNKNOWN}
    assert dataset.read("cats/a.png").shape == (10, 12, 3)
    assert dataset.bits("cats/b.jpg") == 8 * (folder / "cats" / "b.jpg").stat().st_size


def test_several_folders_and_files_have_names_below_what_they_have_in_common(folder, tmp_path):
    """Files and folders may be mixed, and none is taken twice."""
    several = [folder / "cats", tmp_path / "elsewhere" / "d.bmp", folder / "cats" / "a.png"]
    assert [source.id for source in opened(several).sources()] == [
        "elsewhere/d.bmp",
        "mine/cats/a.png",
        "mine/cats/b.jpg",
    ]


def test_the_folder_of_data_comes_before_a_relative_path(folder):
    """A relative path is below the folder of data, an absolute one is not."""
    for path in ("cats", str(folder / "cats")):
        dataset = open_dataset({"name": "folder", "path": path, "truth": "consensus"}, folder)
        assert [source.id for source in dataset.sources()] == ["a.png", "b.jpg"]


def test_photographs_stand_upright(tmp_path):
    """A photograph is turned as its EXIF says."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((10, 20, 3), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert opened(tmp_path).read("a.jpg").shape == (20, 10, 3)


@pytest.mark.parametrize(
    ("names", "classes"),
    [(("cats", "dogs"), (0, 1)), (("n01440764", "n01443537"), (0, 1)), (("goldfish", "tench"), (1, 0))],
)
def test_folders_name_classes(tmp_path, names, classes):
    """Folders of ImageNet's ids or names have its numbers, others are counted in their order."""
    for name in names:
        save(tmp_path / name / "a.png")
    assert [source.truth for source in opened(tmp_path, truth="folders").sources()] == list(classes)


def test_a_table_names_classes_by_number_and_by_name(folder):
    """Rows of other files are passed over."""
    rows = ["file,class", "cats/a.png,281", "cats/b.jpg,tabby", "dogs/c.webp,n02085620", "linked/d.bmp,0", "gone.png,7"]
    (folder / "labels.csv").write_text("\n".join(rows))
    assert [source.truth for source in opened(folder, truth="labels.csv").sources()] == [281, 281, 151, 0]


WRONG_TABLES = {
    "no column": ("name,class\n", "needed are file, class"),
    "a class of no such name": ("file,class\ncats/a.png,unicorn\n", "line 2: class is 'unicorn'"),
    "a class too many": ("file,class\ncats/a.png,1000\ncats/b.jpg,1\ndogs/c.webp,1\nlinked/d.bmp,1\n", "class is 1000"),
    "no row for a photograph": ("file,class\ncats/a.png,1\n", "no row for cats/b.jpg; 3 of 4"),
    "no text": ("\udcff", "not a CSV of UTF-8"),
}


@pytest.mark.parametrize(("text", "message"), WRONG_TABLES.values(), ids=WRONG_TABLES)
def test_a_wrong_table_is_refused_with_its_line(folder, text, message):
    """What is wrong with a table of classes is named."""
    (folder / "labels.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(DataError, match=message):
        opened(folder, truth="labels.csv")


def test_what_is_missing_is_named(folder, tmp_path):
    """A missing folder, an empty one, a bare photograph without a class, and a missing option are told."""
    (tmp_path / "empty").mkdir()
    save(folder / "bare.png")
    for path, options, message in (
        (tmp_path / "gone", {}, "no such file or folder"),
        (tmp_path / "empty", {}, "holds no image; images end in"),
        (folder, {"truth": "folders"}, "lies in no folder of its class"),
        ([], {}, "no photograph is named"),
    ):
        with pytest.raises(DataError, match=message):
            opened(path, **options)
    for options, lacking in (({}, "path"), ({"path": str(folder)}, "truth")):
        with pytest.raises(SuiteError, match=lacking):
            open_dataset({"name": "folder", **options}, None)
