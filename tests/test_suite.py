import dataclasses
import tomllib

import pytest

from benchmark.core.errors import SuiteError
from benchmark.suites.loading import FOLDER, argument_of, load_suite, suite_names
from benchmark.suites.tasks import TASKS

TEXT = """
name = "letters"
version = 1
title = "Letters"
task = "classification"

[dataset]
name = "glyphs"
train = 4200
validation = 600
test = 1200

[split]
train = 0.7
validation = 0.1
test = 0.2

[[distortions]]
name = "jpeg"
levels = [90, 70, 50, 40, 30, 20, 15, 10, 5]
held_out = [60, 35, 25, 12, 7]

[networks]
labelling = ["zoo:vgg", "zoo:densenet", "zoo:resnet"]
held_out = ["zoo:resnext", "zoo:nfnet", "zoo:convmixer"]
probe = "zoo:regnet"

[labels]
high = 0.9
low = 0.1
"""
SHIPPED = suite_names()
TWINS = [name for name in SHIPPED if "twin_of" in tomllib.loads((FOLDER / f"{name}.toml").read_text())]
SUITE = load_suite("glyphs")


def write(folder, text, name="mine"):
    """A suite file with this text, and its path as a string."""
    path = folder / f"{name}.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize("name", SHIPPED)
def test_every_shipped_suite_loads(name):
    """Each suite that comes with the package loads under its file's name, with a rule of its task."""
    suite = load_suite(name)
    assert suite.name == suite.folder == name
    assert isinstance(suite.labels, TASKS[suite.task].LabelChoice)
    assert suite.limit == 0
    assert suite.label_sets == ("combined", *suite.networks.labelling)


def test_the_suites_are_there():
    """For each task the paper's suite, its small version, the twin of that with the paper's rule, and the embedded one."""
    assert {"glyphs", "imagenet", "imagenet-lite", "imagenet-lite-256", "imagenet-lite-plain"} <= set(SHIPPED)
    assert {"glyphs-det", "coco", "coco-lite", "coco-lite-text"} <= set(SHIPPED)


@pytest.mark.parametrize(
    ("name", "levels", "held_out", "shares"),
    [
        ("imagenet", (90, 70, 50, 40, 30, 20, 15, 10, 5), (60, 35, 25, 12, 7), (0.7, 0.1, 0.2)),
        ("glyphs", (90, 70, 50, 40, 30, 20, 15, 10, 5), (60, 35, 25, 12, 7), (0.7, 0.1, 0.2)),
        ("imagenet-lite", (40, 25, 18, 14, 11, 9, 7, 5, 3), (30, 20, 16, 12, 10, 8, 6, 4), (0.5, 0.1, 0.4)),
        ("imagenet-lite-256", (40, 25, 18, 14, 11, 9, 7, 5, 3), (30, 20, 16, 12, 10, 8, 6, 4), (0.5, 0.1, 0.4)),
        ("coco", (90, 70, 50, 40, 30, 20, 15, 10, 5), (60, 35, 25, 12, 7), (0.7, 0.1, 0.2)),
        ("glyphs-det", (90, 70, 50, 40, 30, 20, 15, 10, 5), (60, 35, 25, 12, 7), (0.7, 0.1, 0.2)),
        ("coco-lite", (40, 25, 18, 14, 11, 9, 7, 5, 3), (30, 20, 16, 12, 10, 8, 6, 4), (0.5, 0.1, 0.4)),
    ],
)
def test_shipped_suites_say_what_the_protocol_says(name, levels, held_out, shares):
    """Qualities, shares and thresholds are the protocol's."""
    suite = load_suite(name)
    assert (suite.distortions[0].levels, suite.distortions[0].held_out) == (levels, held_out)
    assert (suite.split.train, suite.split.validation, suite.split.test) == shares
    if suite.task == "classification":
        assert (suite.labels.high, suite.labels.low) == (0.9, 0.1)
    else:
        assert (suite.labels.confidence, suite.labels.retained) == (0.5, "one")
        assert suite.labels.pristine_must_succeed == (name != "coco")


def test_a_file_of_ones_own_is_read_by_its_path(tmp_path):
    """A path that ends in .toml is read from there, and a shipped file under another name means the same when it is copied."""
    assert load_suite(write(tmp_path, TEXT)).networks.probe == "zoo:regnet"
    copied = (FOLDER / "glyphs.toml").read_text().replace('"glyphs"', '"mine"', 1)
    assert load_suite(write(tmp_path, copied)) == dataclasses.replace(SUITE, name="mine")


OTHER_JPEG = '[[distortions]]\nname = "jpeg"\nlevels = [80]\nheld_out = [85]\n'
WRONG = {
    "unknown key at the top": ('name = "letters"', 'name = "letters"\ncolour = 1', "colour"),
    "unknown section": ("[labels]", "[extra]\nx = 1\n[labels]", "extra"),
    "unknown key in split": ("[split]", "[split]\ntrian = 1", "trian"),
    "unknown key in distortions": ("[[distortions]]", "[[distortions]]\nquality = 1", "quality"),
    "one table of distortions": ("[[distortions]]", "[distortions]", "distortions must be one or more tables"),
    "another table of distortions": ("[[distortions]]", "[[distortion]]", "unknown key 'distortion'"),
    "a distortion twice": ("[networks]", OTHER_JPEG + "[networks]", "the name jpeg stands twice"),
    "all held out whole": ("levels = [90, 70, 50, 40, 30, 20, 15, 10, 5]", "levels = []", "none has levels"),
    "unknown key in networks": ("[networks]", "[networks]\njudge = 1", "judge"),
    "unknown key in labels": ("[labels]", "[labels]\nmiddle = 0.5", "middle"),
    "unknown key in training": ("[labels]", "[training]\nepochs = 3\n[labels]", "epochs"),
    "limit in a file": ('name = "letters"', 'limit = 3\nname = "letters"', "limit"),
    "no name at the top": ('name = "letters"\nversion', "version", "name"),
    "no version": ("version = 1\n", "", "version"),
    "no split": ("[split]\ntrain = 0.7\nvalidation = 0.1\ntest = 0.2\n", "", "split"),
    "no test share": ("test = 0.2\n", "", "test"),
    "no held-out levels": ("held_out = [60, 35, 25, 12, 7]\n", "", "held_out"),
    "no labelling networks": ('labelling = ["zoo:vgg", "zoo:densenet", "zoo:resnet"]\n', "", "labelling"),
    "dataset without a name": ('[dataset]\nname = "glyphs"', "[dataset]", "dataset"),
    "name is a number": ('name = "letters"\nversion', "name = 7\nversion", "name"),
    "version is text": ("version = 1", 'version = "one"', "version"),
    "title is a number": ('title = "Letters"', "title = 5", "title"),
    "task is another": ('task = "classification"', 'task = "segmentation"', "task"),
    "labels are of another task": ('task = "classification"', 'task = "detection"', "labels"),
    "share is text": ("train = 0.7", 'train = "most"', "train"),
    "share is a truth value": ("validation = 0.1", "validation = true", "validation"),
    "seed is a fraction": ("[split]", "[split]\nseed = 0.5", "seed"),
    "seed is a truth value": ("[split]", "[split]\nseed = true", "seed"),
    "levels is a number": ("levels = [90, 70, 50, 40, 30, 20, 15, 10, 5]", "levels = 90", "levels"),
    "a level is text": ("levels = [90,", 'levels = ["90",', "levels"),
    "a level is a fraction": ("levels = [90,", "levels = [89.5,", "levels"),
    "a level is not an integer": ("levels = [90,", "levels = [90.0,", "levels"),
    "a level is a truth value": ("levels = [90,", "levels = [true,", "levels"),
    "labelling is text": (
        'labelling = ["zoo:vgg", "zoo:densenet", "zoo:resnet"]',
        'labelling = "zoo:vgg"',
        "labelling",
    ),
    "a labelling network is a number": ('labelling = ["zoo:vgg",', "labelling = [1,", "labelling"),
    "a held-out network is a number": ('held_out = ["zoo:resnext",', "held_out = [1,", "held_out"),
    "probe is a list": ('probe = "zoo:regnet"', 'probe = ["zoo:regnet"]', "probe"),
    "high is text": ("high = 0.9", 'high = "0.9"', "high"),
    "calibrate is a number": ("low = 0.1", "low = 0.1\ncalibrate = 1", "calibrate"),
    "labels is a number": ("[labels]\nhigh = 0.9\nlow = 0.1", "", "labels"),
    "shares above 1": ("train = 0.7", "train = 0.8", "split"),
    "a share of nothing": ("train = 0.7\nvalidation = 0.1", "train = 0.8\nvalidation = 0.0", "split"),
    "a share that is no number": ("train = 0.7", "train = nan", "split"),
    "unknown distortion": ('name = "jpeg"', 'name = "jpg"', "'jpg'; near: jpeg, "),
    "a level twice": ("levels = [90,", "levels = [90, 90,", "levels"),
    "a level also held out": ("held_out = [60,", "held_out = [90,", "held_out"),
    "a level out of range": ("levels = [90,", "levels = [96,", "levels"),
    "no network": ('labelling = ["zoo:vgg", "zoo:densenet", "zoo:resnet"]', "labelling = []", "labelling"),
    "a held-out network also labels": ('held_out = ["zoo:resnext",', 'held_out = ["zoo:vgg",', "stands twice in"),
    "a labelling network twice": ('labelling = ["zoo:vgg",', 'labelling = ["zoo:vgg", "zoo:vgg",', "labelling"),
    "thresholds out of order": ("high = 0.9", "high = 0.05", "labels"),
    "a threshold above 1": ("high = 0.9", "high = 1.9", "labels"),
    "unknown balance": ("[labels]", '[training]\nbalance = "luck"\n[labels]', "balance"),
    "augmentation without copies": ("[labels]", '[training]\nbalance = "augmentation"\n[labels]', "copies"),
    "copies without augmentation": ("[labels]", "[training]\ncopies = 1\n[labels]", "copies"),
    "copies below none": ("[labels]", "[training]\ncopies = -1\n[labels]", "copies"),
    "not TOML": ("[labels]", "[labels", "TOML"),
    "task is a list": ('task = "classification"', 'task = ["classification"]', "task"),
    "task is a table": ('task = "classification"', "task = {a = 1}", "task"),
    "the dataset's name is a list": ('name = "glyphs"', 'name = ["glyphs"]', "[dataset] name"),
    "the dataset's name is a number": ('name = "glyphs"', "name = 5", "[dataset] name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_suite_file_is_refused_by_name_and_key(case, tmp_path):
    """What is unknown, missing, of the wrong type or senseless raises SuiteError, which names the file and the key."""
    old, new, named = WRONG[case]
    assert TEXT.count(old) == 1
    text = TEXT.replace(old, new)
    path = write(tmp_path, "labels = 3\n" + text if case == "labels is a number" else text)
    with pytest.raises(SuiteError) as caught:
        load_suite(path)
    message = str(caught.value)
    assert path in message
    assert named in message.replace(path, "")


def test_unknown_keys_come_with_the_valid_ones(tmp_path):
    """The message of an unknown key lists what is valid there."""
    with pytest.raises(SuiteError, match="valid are calibrate, high, low"):
        load_suite(write(tmp_path, TEXT.replace("[labels]", "[labels]\nhihg = 0.9")))


@pytest.mark.parametrize(("name", "near"), [("glyph", "glyphs"), ("imagnet", "imagenet"), ("image-net", "imagenet")])
def test_an_unknown_suite_lists_near_names(name, near):
    """A misspelt suite raises, names the near ones and all there are."""
    with pytest.raises(SuiteError, match=f"no suite '{name}'; near: .*{near}") as caught:
        load_suite(name)
    assert all(other in str(caught.value) for other in SHIPPED)


@pytest.mark.parametrize("name", ["", "nothing-like-it", "missing.toml", "nowhere/missing.toml"])
def test_a_suite_that_is_not_there_raises(name):
    """No name and no file is no suite."""
    with pytest.raises(SuiteError, match=r"no suite|no such file (nowhere/)?missing\.toml"):
        load_suite(name)


def test_a_negative_limit_is_refused():
    """A limit is a number of sources."""
    with pytest.raises(SuiteError, match="limit is -1"):
        load_suite("glyphs", limit=-1)


def test_there_is_a_shipped_twin():
    """The plain twin of imagenet-lite is a twin, so that the next tests test something."""
    assert "imagenet-lite-plain" in TWINS


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_shares_outcomes_and_differs_in_labels_only(name):
    """A twin reads its sibling's outcomes, writes elsewhere, and differs in nothing but name, title and labels."""
    twin = load_suite(name)
    sibling = load_suite(twin.twin_of)
    assert twin.outcomes_folder == sibling.outcomes_folder == sibling.folder
    assert twin.folder != sibling.folder
    different = {
        field.name for field in dataclasses.fields(twin) if getattr(twin, field.name) != getattr(sibling, field.name)
    }
    assert different == {"name", "title", "twin_of", "labels"}


def test_a_twin_finds_its_sibling_beside_it(tmp_path):
    """A twin of one's own file is read from the same folder."""
    write(tmp_path, TEXT.replace('"letters"', '"base"'), "base")
    twin = load_suite(write(tmp_path, 'twin_of = "base"\nname = "other"\n[labels]\nhigh = 0.8\n'))
    assert (twin.name, twin.outcomes_folder, twin.labels.high) == ("other", "base", 0.8)


TWIN = 'twin_of = "glyphs"\nname = "mine"\n'
WRONG_TWINS = {
    "another split": (TWIN + "[split]\ntrain = 0.5\nvalidation = 0.1\ntest = 0.4\n", "split"),
    "other networks": (TWIN + '[networks]\nprobe = "zoo:vgg"\n', "networks"),
    "unknown key in labels": (TWIN + "[labels]\nhihg = 0.9\n", "hihg"),
    "thresholds out of order": (TWIN + "[labels]\nhigh = 0.1\nlow = 0.9\n", "labels"),
    "no name of its own": ('twin_of = "glyphs"\n[labels]\nhigh = 0.8\n', "name"),
    "its sibling's name": ('twin_of = "glyphs"\nname = "glyphs"\n[labels]\nhigh = 0.8\n', "name"),
    "of a twin": ('twin_of = "imagenet-lite-plain"\nname = "mine"\n', "imagenet-lite"),
    "of nothing": ('twin_of = "glyph"\nname = "mine"\n', "glyphs"),
    "of a number": ('twin_of = 5\nname = "mine"\n', "twin_of"),
    "of itself": ('twin_of = "mine"\nname = "mine"\n', "twin"),
}


@pytest.mark.parametrize("case", WRONG_TWINS)
def test_a_wrong_twin_is_refused(case, tmp_path):
    """A twin that changes outcomes, or is twin of what cannot be one, raises SuiteError and says so."""
    text, named = WRONG_TWINS[case]
    with pytest.raises(SuiteError) as caught:
        load_suite(write(tmp_path, text))
    assert "mine.toml: " in str(caught.value)
    assert named in str(caught.value)


@pytest.mark.parametrize("name", SHIPPED)
def test_a_limited_suite_has_its_own_folders(name):
    """Two limits and none make three different folders, for results and for outcomes."""
    suites = [load_suite(name, limit=limit) for limit in (0, 10, 20)]
    assert len({suite.folder for suite in suites}) == 3
    assert len({suite.outcomes_folder for suite in suites}) == 3
    assert len({suite.choices() for suite in suites}) == 3


def changed(value):
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, tuple):
        return value[1:]
    if isinstance(value, dict):
        return value | {"train": 1}
    return value + "x" if isinstance(value, str) else value + 1


NESTED = ("split", "networks", "labels", "training")
CHOICES = [
    ("", field.name)
    for field in dataclasses.fields(SUITE)
    if field.name not in (*NESTED, "title", "twin_of", "redistributable")
]
CHOICES += [("distortions", field.name) for field in dataclasses.fields(SUITE.distortions[0])]
CHOICES += [(one, field.name) for one in NESTED for field in dataclasses.fields(getattr(SUITE, one))]


@pytest.mark.parametrize(("section", "key"), CHOICES)
def test_choices_change_with_every_choice(section, key):
    """Any change of what a result depends on changes the text that goes into the fingerprint."""
    if section == "distortions":
        (part,) = SUITE.distortions
        choice = dataclasses.replace(part, **{key: changed(getattr(part, key))})
        other = dataclasses.replace(SUITE, distortions=(choice,))
    elif section:
        part = getattr(SUITE, section)
        other = dataclasses.replace(SUITE, **{section: dataclasses.replace(part, **{key: changed(getattr(part, key))})})
    else:
        other = dataclasses.replace(SUITE, **{key: changed(getattr(SUITE, key))})
    assert other.choices() != SUITE.choices()


def test_choices_do_not_change_with_the_title_or_the_order_of_options():
    """Rewording a title, or listing the dataset's options in another order, makes no other suite."""
    options = dict(reversed(SUITE.dataset.items()))
    assert list(options) != list(SUITE.dataset)
    assert dataclasses.replace(SUITE, title="Other words", dataset=options).choices() == SUITE.choices()


def test_a_suite_is_named_as_the_command_line_takes_it(tiny_file):
    """By its name where it is the package's, else by its file, with the limit of a quick look."""
    assert argument_of(load_suite("glyphs").folder) == "glyphs"
    assert argument_of(load_suite("glyphs", limit=30).folder) == "glyphs --limit 30"
    assert argument_of(load_suite(str(tiny_file)).folder) == "tiny.toml"
