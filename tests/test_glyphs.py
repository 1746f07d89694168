"""Letters on dead leaves: their pixels stay what they are, and the parts of a suite of them share no font and no ground."""

from pathlib import Path

import numpy as np
import pytest
from conftest import TINY, TINY_DET

from benchmark.core.digests import digest
from benchmark.core.errors import DataError, SuiteError
from benchmark.core.images import pixel_digest
from benchmark.core.workspace import Workspace
from benchmark.labelling.indexed_suite import index_suite
from benchmark.plugins.datasets import glyph_scenes, glyphs, make_fonts, open_dataset
from benchmark.plugins.datasets.glyph_scenes import GlyphScenes
from benchmark.plugins.datasets.glyphs import LETTERS, POOLS, Glyphs, letters
from benchmark.suites.loading import load_suite

GOLDEN = {
    "zoo-00000": "c5dcf91a86914e16",
    "zoo-00007": "ee739a3f940c5e55",
    "train-00000": "0204f558d3562e8b",
    "train-00017": "39ae9447a10c5df6",
    "train-04199": "60389b134fe80ac9",
    "validation-00599": "a7b96f4a2f5edc65",
    "test-00000": "15040fb25819e16b",
    "test-00017": "44ac19fdb251bf1a",
    "test-01199": "531d3dba07cd30ab",
}
"""Pixel digests of scenes, taken with Pillow 13.0.0 and NumPy 2.4.6; other pixels are another dataset."""

GOLDEN_SCENES = {
    "zoo-00007": "4b36b18bd17aba5c",
    "train-00000": "674e53ce4e5bb176",
    "train-01049": "d9141c7daf0e6117",
    "validation-00149": "f6d2720033e62137",
    "test-00000": "fd6397378b6df81a",
    "test-00299": "e9f3c9488286e3df",
}
"""The same for the scenes of detection."""

SMALL = Glyphs(train=20, validation=10, test=10)
KINDS = {
    "glyphs": (glyphs, Glyphs, TINY, 'name = "glyphs"\ntrain = 80\nvalidation = 40\ntest = 60'),
    "glyph-scenes": (
        glyph_scenes,
        GlyphScenes,
        TINY_DET,
        'name = "glyph-scenes"\ntrain = 40\nvalidation = 20\ntest = 24',
    ),
}
"""For each dataset: its module, its class, a suite of photographs, and that suite's choice of a dataset."""


def pixels(scene):
    """The image of a scene of either kind."""
    return scene if isinstance(scene, np.ndarray) else scene[0]


@pytest.mark.parametrize("source", GOLDEN)
def test_scenes_have_not_drifted(source):
    """Each scene has the pixels that it had when the dataset was made."""
    assert pixel_digest(Glyphs(train=4200, validation=600, test=1200, zoo=8).read(source)) == GOLDEN[source]


@pytest.mark.parametrize("source", GOLDEN_SCENES)
def test_scenes_of_detection_have_not_drifted(source):
    """Each scene of detection has the pixels that it had when the dataset was made."""
    dataset = GlyphScenes(train=1050, validation=150, test=300, zoo=8)
    assert pixel_digest(dataset.read(source)) == GOLDEN_SCENES[source]


@pytest.mark.parametrize("source", GOLDEN)
def test_scenes_depend_on_nothing_but_their_id(source):
    """Rendering again, in another order and past the cache, gives the same pixels."""
    pool, number = source.split("-")
    glyphs.scene.__wrapped__(pool, int(number) + 1)
    assert pixel_digest(glyphs.scene.__wrapped__(pool, int(number))) == GOLDEN[source]


@pytest.mark.parametrize("name", KINDS)
def test_scenes_are_read_only_rgb(name):
    """A scene is contiguous uint8 RGB of its size, shared, and cannot be written to."""
    image = open_dataset({"name": name, "train": 4, "validation": 1, "test": 1}, None).read("train-00003")
    side = KINDS[name][0].SIZE
    assert (image.dtype, image.shape) == (np.uint8, (side, side, 3))
    assert image.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        image[0, 0, 0] = 1


def test_boxes_hold_their_letters():
    """Boxes lie inside the scene, do not overlap, and there are one to four."""
    for source in GlyphScenes(train=40, validation=5, test=5).sources():
        boxes = source.truth.boxes
        assert 1 <= len(boxes) <= 4
        assert boxes.min() >= 0
        assert boxes.max() <= 128
        inside = np.zeros((128, 128), int)
        for left, top, right, bottom in boxes.astype(int):
            inside[top:bottom, left:right] += 1
        assert inside.max() == 1


def test_a_ground_is_its_scene_without_letters():
    """Without letters a scene differs where they were and nowhere else, and has no object in detection."""
    for place in range(20):
        changed = (glyphs.scene("zoo", place) != glyphs.scene("zoo", place, letter=False)).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert 0 < changed.sum() < 64 * 64
        assert max(np.ptp(rows), np.ptp(columns)) < 60
        full, objects = glyph_scenes.scene("zoo", place)
        bare, none = glyph_scenes.scene("zoo", place, letter=False)
        assert none.boxes.shape == (0, 4)
        assert len(none.classes) == len(none.crowd) == 0
        inside = np.zeros((128, 128), bool)
        for left, top, right, bottom in objects.boxes.astype(int):
            inside[top:bottom, left:right] = True
        assert not (full != bare).any(axis=2)[~inside].any()


def test_pools_share_no_mask():
    """No letter's shape is seen in two pools, and every pool has every letter in as many families as the table says."""
    owners = {}
    for pool in POOLS:
        masks = letters(pool)
        assert list(masks) == list(LETTERS)
        for families in masks.values():
            assert len(families) == sum(row["pool"] == pool for row in make_fonts.read_table(make_fonts.TABLE))
            for mask in families:
                assert len(mask) == make_fonts.HEIGHT
                assert mask[:, 0].any()
                assert mask[:, -1].any()
                assert owners.setdefault(digest(repr(mask.shape), mask.tobytes()), pool) == pool


def test_no_ground_occurs_twice():
    """The grounds of all scenes, for classification and detection and in all pools, are different pictures."""
    small = [glyphs.scene(pool, index, letter=False) for pool in POOLS for index in range(60)]
    large = [glyph_scenes.scene(pool, index, letter=False)[0] for pool in POOLS for index in range(15)]
    blocks = [scene[top : top + 64, left : left + 64] for scene in large for top in (0, 64) for left in (0, 64)]
    assert len({pixel_digest(image) for image in (*small, *blocks)}) == 4 * 60 + 4 * 60


@pytest.fixture
def workspace(tmp_path):
    """Empty folders for cache and results."""
    return Workspace(
        data=None, networks=None, cache=tmp_path / "cache", results=tmp_path / "results", chosen_device="cpu"
    )


@pytest.fixture(scope="module", params=KINDS)
def suite(request, tmp_path_factory):
    """The name of a dataset, and a person's own file of a suite of it."""
    _, _, text, choice = KINDS[request.param]
    assert choice in text
    path = tmp_path_factory.mktemp("leaves") / "leaves.toml"
    path.write_text(text.replace(choice, f'name = "{request.param}"\ntrain = 48\nvalidation = 24\ntest = 24'))
    return request.param, path


def test_parts_share_no_font_and_no_ground(suite, workspace, monkeypatch):
    """In a suite of either dataset no mask that a scene may take and no ground occurs in two parts or trains networks."""
    name, path = suite
    choices = load_suite(str(path))
    module, asked = KINDS[name][0], []
    monkeypatch.setattr(module, "letters", lambda pool: asked.append(pool) or letters(pool))
    parts = {part: [source.id for source in members] for part, members in index_suite(choices, workspace).parts.items()}
    parts["zoo"] = [f"zoo-{place:05d}" for place in range(24)]
    assert {part: len(members) for part, members in parts.items()} == {
        "train": 48,
        "validation": 24,
        "test": 24,
        "zoo": 24,
    }
    fonts, grounds = {}, {}
    for part, members in parts.items():
        for source in members:
            pool, number = source.split("-")
            asked.clear()
            module.scene.__wrapped__(pool, int(number))
            (owner,) = asked
            for mask in (mask for families in letters(owner).values() for mask in families):
                assert fonts.setdefault(digest(repr(mask.shape), mask.tobytes()), part) == part
            ground = pixels(module.scene.__wrapped__(pool, int(number), letter=False))
            assert grounds.setdefault(pixel_digest(ground), source) == source
    assert len(fonts) == sum(len(families) for pool in POOLS for families in letters(pool).values())
    assert len(grounds) == 120


@pytest.mark.parametrize("labelled", ["tiny", "tiny_det"])
def test_a_suite_of_them_is_labelled(labelled, request):
    """`label` runs networks on either dataset, which a suite file names like any other."""
    truth = request.getfixturevalue(labelled)
    assert {source.partition("-")[0] for source in truth.indexed.sources} == {"train", "validation", "test"}


def test_sources_are_balanced_unique_and_in_pools():
    """Ids are unique, every letter is equally frequent in each pool, and the pool stands in the id."""
    sources = SMALL.sources()
    assert len({source.id for source in sources}) == len(sources) == 40
    for pool, count in (("train", 20), ("validation", 10), ("test", 10)):
        truths = [source.truth for source in sources if source.pool == pool]
        assert np.bincount(truths).tolist() == [count // 10] * 10
    assert all(source.id.startswith(f"{source.pool}-") for source in sources)
    assert SMALL.classes == len(LETTERS) + 1 == 11


@pytest.mark.parametrize(
    "source", ["", "train", "train-x", "train-00020", "val-00001", "zoo-00000", "validation-00010"]
)
def test_a_wrong_id_raises(source):
    """An id that the dataset does not list raises DataError and is named."""
    with pytest.raises(DataError, match=f"no source '{source}'"):
        SMALL.read(source)


@pytest.mark.parametrize("name", KINDS)
def test_wrong_counts_are_refused(name):
    """A pool that is left out, or a count that is no number of scenes, raises SuiteError and is named."""
    with pytest.raises(SuiteError, match="validation"):
        open_dataset({"name": name, "train": 1, "test": 1}, None)
    with pytest.raises(SuiteError, match="validation is '12'; it is a number of scenes"):
        open_dataset({"name": name, "train": 1, "validation": "12", "test": 1}, None)


@pytest.mark.parametrize("name", KINDS)
def test_a_changed_generator_or_another_count_is_noticed(name, monkeypatch, tmp_path):
    """The signature, under which digests are cached, changes with the counts and with the code that draws the scenes."""
    module, dataset, _, _ = KINDS[name]
    before = dataset(1, 2, 3).signature()
    assert dataset(1, 2, 3).signature() == before != dataset(1, 3, 2).signature()
    changed = tmp_path / "changed.py"
    changed.write_text(Path(module.__file__).read_text().replace("letter: bool = True", "letter: bool = False"))
    monkeypatch.setattr(module, "__file__", str(changed))
    assert dataset(1, 2, 3).signature() != before
