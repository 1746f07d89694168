from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import ResultError
from benchmark.core.files import atomic
from benchmark.core.parquet import read_table, write_table
from benchmark.core.workspace import Workspace

light = settings(max_examples=50)


def files(folder):
    """Every file below a folder and its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_atomic_replaces_whole_on_success(tmp_path):
    """When the block ends well the new content stands under the name, and nothing else is left."""
    path = tmp_path / "deep" / "file.txt"
    for text in ("old and longer", "new"):
        with atomic(path) as temporary:
            assert temporary.parent == path.parent
            temporary.write_text(text)
    assert files(tmp_path) == {"deep/file.txt": b"new"}


def test_atomic_shows_the_old_content_until_the_end(tmp_path):
    """While the block runs, a reader sees the old file."""
    path = tmp_path / "file.txt"
    path.write_text("old")
    with atomic(path) as temporary:
        temporary.write_text("half")
        assert path.read_text() == "old"
    assert path.read_text() == "half"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [{}, {"file.txt": b"old"}], ids=["new", "existing"])
def test_atomic_leaves_nothing_behind_on_failure(before, error, tmp_path):
    """When the block fails, even by interruption, the folder is as it was and the error goes on."""
    for name, data in before.items():
        (tmp_path / name).write_bytes(data)
    with pytest.raises(error), atomic(tmp_path / "file.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert files(tmp_path) == before


VARIABLES = {"data": "UTILBENCH_DATA", "networks": "UTILBENCH_NETWORKS", "cache": "UTILBENCH_CACHE"}
DEFAULTS = {"data": None, "networks": None, "cache": Path("/xdg/utilbench"), "results": Path("results")}


@pytest.fixture
def clean(monkeypatch):
    """An environment that names no folder."""
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    monkeypatch.setenv("HOME", "/home/somebody")
    return monkeypatch


def test_folders_have_defaults(clean):
    """Nothing named means no data, no networks, the user's cache, and results/ here."""
    workspace = Workspace.named()
    assert {name: getattr(workspace, name) for name in DEFAULTS} == DEFAULTS
    clean.delenv("XDG_CACHE_HOME")
    assert Workspace.named().cache == Path("/home/somebody/.cache/utilbench")


def test_an_empty_cache_home_counts_as_none(clean):
    """XDG's specification: a variable that is set but empty is as good as not set."""
    clean.setenv("XDG_CACHE_HOME", "")
    assert Workspace.named().cache == Path("/home/somebody/.cache/utilbench")


@pytest.mark.parametrize("name", VARIABLES)
def test_the_environment_wins_over_the_default(name, clean):
    """A variable names its folder and no other; an empty one names nothing."""
    clean.setenv(VARIABLES[name], "/from/environment")
    workspace = Workspace.named()
    assert {one: getattr(workspace, one) for one in DEFAULTS} == DEFAULTS | {name: Path("/from/environment")}
    clean.setenv(VARIABLES[name], "")
    assert getattr(Workspace.named(), name) == DEFAULTS[name]


@pytest.mark.parametrize("name", DEFAULTS)
def test_an_argument_wins_over_the_environment(name, clean):
    """What is given wins over the variable and changes no other folder."""
    for variable in VARIABLES.values():
        clean.setenv(variable, "/from/environment")
    workspace = Workspace.named(**{name: "/given"})
    others = {one: Path("/from/environment") for one in VARIABLES} | {"results": Path("results")}
    assert {one: getattr(workspace, one) for one in DEFAULTS} == others | {name: Path("/given")}


@pytest.mark.parametrize("name", DEFAULTS)
def test_a_tilde_is_the_home_folder(name, clean):
    """Every folder may be named from the home folder, as a shell leaves it in --results=~/x."""
    assert getattr(Workspace.named(**{name: "~/x"}), name) == Path("/home/somebody/x")


def test_the_chosen_device_wins_over_the_best(clean):
    """Networks run on the device that was chosen, else on the best one that this machine has."""
    clean.setattr("benchmark.core.devices.best_device", lambda: "the best")
    assert Workspace.named(device="cpu").device == "cpu"
    assert Workspace.named().device == "the best"


TABLE = pl.DataFrame(
    {
        "source": ["a", "b", "ü"],
        "level": [-1, 5, 90],
        "score": [0.5, float("-inf"), 1e-300],
        "kept": [True, None, False],
    },
    schema={"source": pl.String, "level": pl.Int16, "score": pl.Float64, "kept": pl.Boolean},
)
METADATA = {"suite": "glyphs", "über": [1, 2.5, None, {"deep": True}]}


def test_a_table_comes_back_as_it_was_written(tmp_path):
    """Values, nulls, types, their order and the metadata survive the file."""
    write_table(tmp_path / "deep" / "t.parquet", TABLE, METADATA)
    table, metadata = read_table(tmp_path / "deep" / "t.parquet", schema=TABLE.schema)
    assert table.equals(TABLE)
    assert table.schema == TABLE.schema
    assert metadata == METADATA


def test_an_empty_table_comes_back(tmp_path):
    """No rows is a table too."""
    write_table(tmp_path / "t.parquet", TABLE.clear(), {})
    table, metadata = read_table(tmp_path / "t.parquet", schema=TABLE.schema)
    assert (table.shape, table.schema, metadata) == ((0, 4), TABLE.schema, {})


def test_the_same_table_gives_the_same_bytes(tmp_path):
    """Writing twice, with the metadata in another order, makes two equal files."""
    write_table(tmp_path / "one.parquet", TABLE, METADATA)
    write_table(tmp_path / "two.parquet", TABLE.clone(), dict(reversed(METADATA.items())))
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_metadata_that_json_cannot_hold_leaves_the_old_file(tmp_path):
    """A table that cannot be written does not harm the one that is there."""
    write_table(tmp_path / "t.parquet", TABLE, METADATA)
    before = files(tmp_path)
    with pytest.raises(TypeError):
        write_table(tmp_path / "t.parquet", TABLE, {"path": Path("x")})
    assert files(tmp_path) == before


def test_a_truncated_table_is_named(tmp_path):
    """A file cut anywhere raises ResultError with its path, never another error, never fewer rows."""
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, METADATA)
    whole = path.read_bytes()
    for length in [
        0,
        1,
        3,
        4,
        5,
        8,
        11,
        12,
        *range(16, len(whole), len(whole) // 60),
        *range(len(whole) - 9, len(whole)),
    ]:
        path.write_bytes(whole[:length])
        with pytest.raises(ResultError) as caught:
            read_table(path)
        assert str(path) in str(caught.value)
        assert "damaged" in str(caught.value)


@pytest.mark.parametrize("data", [b"not a table", b"PAR1" * 20, b"a,b\n1,2\n" * 9, bytes(500)])
def test_what_is_no_table_is_named(data, tmp_path):
    """Other files under the name raise ResultError with the path."""
    path = tmp_path / "t.parquet"
    path.write_bytes(data)
    with pytest.raises(ResultError, match="damaged or no Parquet file") as caught:
        read_table(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("there", [None, "folder"])
def test_a_missing_table_is_named(there, tmp_path):
    """No file, or a folder of that name, raises ResultError with the path."""
    path = tmp_path / "t.parquet"
    if there:
        path.mkdir()
    with pytest.raises(ResultError, match="no such file") as caught:
        read_table(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("column", "kind"), [("label", pl.Int8), ("level", pl.Int64), ("score", pl.Float32), ("Source", pl.String)]
)
def test_a_column_that_is_missing_or_of_another_type_is_named(column, kind, tmp_path):
    """A table that lacks a column of the schema raises ResultError with the path and the column."""
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, METADATA)
    with pytest.raises(ResultError, match=f"column {column} is missing or not of type") as caught:
        read_table(path, schema=pl.Schema({"source": pl.String, column: kind}))
    assert str(path) in str(caught.value)


def test_a_table_without_checksum_is_refused(tmp_path):
    """A Parquet file that another program wrote is named, though it is sound."""
    TABLE.write_parquet(tmp_path / "t.parquet")
    with pytest.raises(ResultError, match=r"t\.parquet: .* no checksum"):
        read_table(tmp_path / "t.parquet")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner, max_size=3)
    ),
    max_leaves=6,
)


@light
@given(st.dictionaries(st.text(st.characters(codec="utf-8")), json_values, max_size=4))
def test_any_metadata_that_json_holds_comes_back(tmp_path_factory, metadata):
    """Whatever JSON holds survives in a table's metadata."""
    path = tmp_path_factory.getbasetemp() / "metadata.parquet"
    write_table(path, TABLE, metadata)
    assert read_table(path)[1] == metadata
