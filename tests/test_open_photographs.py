"""The dataset of photographs under open licences: what its list may hold, and what is shown of it."""

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.plugins.datasets import index, open_dataset

HEAD = "file,class,license,author,url\n"
ROW = "images/a.webp,3,https://creativecommons.org/licenses/by/2.0/,A. Author,https://example.org/a\n"


@pytest.fixture
def data(tmp_path):
    """A folder with two photographs and their list."""
    folder = tmp_path / "open" / "images"
    folder.mkdir(parents=True)
    for name, value in (("a", 10), ("b", 200)):
        Image.fromarray(np.full((20, 30, 3), value, np.uint8)).save(folder / f"{name}.webp", lossless=True)
    (tmp_path / "open" / "images.csv").write_text(HEAD + ROW + ROW.replace("a.webp,3", "b.webp,999"))
    return tmp_path


def test_photographs_have_classes_contents_and_credits(data, tmp_path):
    """Each listed file is a source with its class, its pixels and whom to name."""
    dataset = open_dataset({"name": "open"}, data)
    sources = index(dataset, tmp_path / "cache")
    assert [(source.id, source.truth) for source in sources] == [("a", 3), ("b", 999)]
    assert sources[0].credit == "A. Author, https://creativecommons.org/licenses/by/2.0/, from https://example.org/a"
    assert dataset.read("a").tolist() == np.full((20, 30, 3), 10).tolist()
    assert dataset.bits("a") == 8 * (data / "open" / "images" / "a.webp").stat().st_size
    assert len({source.digest for source in sources}) == 2


WRONG = {
    "no list": (None, "images.csv is missing"),
    "no rows": (HEAD, "needed are file, class, license, author, url, and rows"),
    "another column": (HEAD.replace("author", "by") + ROW, "needed are"),
    "a class too many": (HEAD + ROW.replace(",3,", ",1000,"), "line 2: class is '1000'; valid are 0 to 999"),
    "a class that is no number": (HEAD + ROW.replace(",3,", ",-1,"), "line 2: class is '-1'"),
    "no such file": (HEAD + ROW.replace("a.webp", "c.webp"), "line 2: no file"),
    "a file elsewhere": (HEAD + ROW.replace("images/a", "../images/a"), "line 2: file is '../images/a.webp'"),
    "an absolute path": (HEAD + ROW.replace("images/a", "/images/a"), "line 2: file is '/images/a.webp'"),
    "listed twice": (HEAD + ROW + ROW, "line 3: a is listed twice"),
    "cells missing": (HEAD + "images/a.webp,3\n", "line 2: has fewer cells"),
    "no text": (b"\xff\xfe\x00", "not a CSV of UTF-8"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_list_is_refused_by_line(case, data):
    """What is missing or not valid is one line that names the list and the line of it."""
    content, message = WRONG[case]
    path = data / "open" / "images.csv"
    path.unlink()
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError) as caught:
        open_dataset({"name": "open"}, data)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_without_a_data_folder_it_is_said(tmp_path):
    """The message names what to set."""
    with pytest.raises(DataError, match="UTILBENCH_DATA or --data"):
        open_dataset({"name": "open"}, None)
    with pytest.raises(DataError, match=r"images\.csv is missing"):
        open_dataset({"name": "open"}, tmp_path)
