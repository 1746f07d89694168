"""Files and folders: what the system refuses is one line with the path, no path is a pattern, and nothing is left behind."""

import errno
import io
import os
import platform
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from benchmark.cli.main import main
from benchmark.core import files
from benchmark.core.errors import BenchmarkError, FileError
from benchmark.core.files import atomic, check_writable, file_errors, sweep, temporary_name, this_host
from benchmark.core.parquet import read_table, write_table
from benchmark.core.workspace import Workspace
from benchmark.evaluation.evaluate import evaluate
from benchmark.labelling.parquet_export import export
from benchmark.labelling.pipeline import label
from benchmark.leaderboard.rank import rank
from tests.tracked import ROOT

TABLE = pl.DataFrame({"source": ["a", "b"], "score": [0.5, 1.5]})
LONG = "n" * 300
PLACES = {
    "a file": (lambda folder: folder / "file" / "deep", "is a file, a folder is needed"),
    "a long name": (lambda folder: folder / LONG, os.strerror(errno.ENAMETOOLONG)),
    "a NUL": (lambda folder: folder / "a\0b", "cannot hold a NUL"),
    "no folder of files": (lambda folder: Path("/proc/utilbench"), os.strerror(errno.ENOENT)),
}


def names(folder):
    """The names in a folder, sorted."""
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("verb", ["label", "run", "export"])
def test_a_folder_that_cannot_be_written_is_named_before_any_work(
    verb, place, tiny_file, tmp_path, monkeypatch, capsys, no_networks
):
    """Every verb that writes fails in one line with the folder, and makes nothing."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("UTILBENCH_CACHE", str(tmp_path / "cache"))
    where, reason = PLACES[place]
    folder = str(where(tmp_path))
    arguments = {
        "label": ["label", str(tiny_file), "--results", folder],
        "run": ["run", "jpeg_quality", "-s", str(tiny_file), "--results", folder],
        "export": ["export", str(tiny_file), "-o", folder, "--results", str(tmp_path / "results")],
    }[verb]
    assert main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("utilbench: ")
    assert folder in line or repr(folder) in line
    assert reason in line
    assert {path.name for path in tmp_path.iterdir()} <= {"file"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG, errno.EIO])
def test_what_the_system_refuses_is_named_and_leaves_the_old_file(code, tmp_path, monkeypatch):
    """Text, table and state that cannot be written raise FileError with the path and the reason; afterwards they can."""
    path = tmp_path / "t.parquet"
    write_table(path, TABLE, {})
    before = path.read_bytes()

    def refuse(self, data):
        raise OSError(code, os.strerror(code), str(self))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", refuse)
        with pytest.raises(FileError, match=rf"t\.parquet: {os.strerror(code)}"):
            write_table(path, TABLE.head(1), {})
    assert path.read_bytes() == before
    assert names(tmp_path) == ["t.parquet"]


def test_after_space_returns_the_same_bytes_follow(tiny, tiny_file, workspace, monkeypatch, capsys):
    """A command that a full disk has stopped is one line; repeated, it writes what it would have written at once."""
    label(tiny.suite, workspace)
    folder = workspace.results / "tiny"
    expected = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    for name in ("suite.json", "labels.parquet", "sources.parquet"):
        (folder / name).unlink()
    monkeypatch.setenv("UTILBENCH_CACHE", str(workspace.cache))
    arguments = ["label", str(tiny_file), "--results", str(workspace.results)]

    def full(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(target))

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", full)
        assert main(arguments) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"utilbench: {folder / 'suite.json'}: No space left")
    assert main(arguments) == 0
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == expected


def test_too_little_space_is_told_before_work(tmp_path):
    """A folder without room for what is about to be written is an error with both numbers."""
    with pytest.raises(FileError, match=r"about 1\d*\.0 MB are needed, .* MB are free"):
        check_writable(tmp_path / "new", needed=10**18)
    assert not (tmp_path / "new").exists()


def test_errors_of_the_system_are_of_the_tree():
    """OSError becomes a BenchmarkError with path and reason at one place; a reader that has gone stays what it is."""
    with pytest.raises(BenchmarkError, match=r"^here: Permission denied$"), file_errors(None):
        raise PermissionError(errno.EACCES, "Permission denied", "here")
    with pytest.raises(FileError, match=r"embedded|NUL"), file_errors(None):
        Path("a\0b").read_bytes()
    with pytest.raises(BrokenPipeError), file_errors(None):
        raise BrokenPipeError
    with pytest.raises(ValueError, match="mine"), file_errors(None):
        raise ValueError("mine")


@pytest.mark.parametrize("name", ["res [1]", "res*", "res?", "{a,b}", "**"])
def test_no_path_is_a_pattern(name, tmp_path):
    """A table in a folder whose name looks like a pattern is read, and those of neighbours are not."""
    for folder, rows in ((name, 1), ("resx", 2), ("a", 2)):
        write_table(tmp_path / folder / "t.parquet", TABLE.head(rows), {"rows": rows})
    table, metadata = read_table(tmp_path / name / "t.parquet")
    assert (table.height, metadata) == (1, {"rows": 1})


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "latin-1"])
def test_any_output_can_be_printed(encoding, monkeypatch):
    """What an encoding lacks is escaped, on standard output and error alike."""
    streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
    monkeypatch.setattr(sys, "stdout", streams[0])
    monkeypatch.setattr(sys, "stderr", streams[1])
    told = "AUROC ↑ \udce4"
    monkeypatch.setattr("benchmark.cli.main.VERBS", {"list": lambda *_: (print(told), print(told, file=sys.stderr))})
    assert not main(["list"])
    for stream in streams:
        stream.flush()
        assert stream.buffer.getvalue().decode(encoding) == "AUROC \\u2191 \\udce4\n"


def ended_process():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_what_killed_processes_left_is_swept_by_the_next_run(tmp_path):
    """Temporaries of ended processes of this machine and old ones go; others and other files stay."""
    deep = tmp_path / "results" / "tiny" / "cards"
    deep.mkdir(parents=True)
    dead = ended_process()
    gone = [f".a.parquet.{this_host()}.{dead}.tmp", f".old.other.{os.getpid()}.tmp"]
    kept = [f".a.parquet.{this_host()}.{os.getpid()}.tmp", f".b.other.{dead}.tmp", "a.tmp", ".hidden", "a.parquet"]
    for name in gone + kept:
        (deep / name).write_text("half")
    os.utime(deep / gone[1], (0, 0))
    sweep(tmp_path / "results")
    assert names(deep) == sorted(kept)


@pytest.mark.usefixtures("no_pictures")
def test_what_killed_verbs_left_beside_files_of_others_is_swept(tiny, workspace, tmp_path):
    """`rank` and `export` remove temporaries of the files that they write, and no others, from folders that others use."""
    evaluate("chance", tiny.suite, workspace=workspace, truth=tiny)
    results, output, end = workspace.results, tmp_path / "out", f".{this_host()}.{ended_process()}.tmp"
    left = [
        results / "assets" / f".page.css{end}",
        *(results / f".{name}{end}" for name in ("boards.md", "index.html")),
    ]
    left += [output / f".{part}-00000-of-00001.parquet{end}" for part in ("train", "held_out")]
    kept = [results / f".theirs{end}", output / f".theirs{end}"]
    for path in (*left, *kept):
        path.parent.mkdir(exist_ok=True)
        path.write_text("half")
    rank([], workspace)
    export(tiny.suite, "combined", workspace, str(output))
    assert [path for path in (*left, *kept) if path.exists()] == kept


def test_a_folder_of_the_users_is_tried_and_not_swept(tmp_path):
    """Where an export goes, others may keep files of such names."""
    name = f".theirs.{this_host()}.{ended_process()}.tmp"
    (tmp_path / name).write_text("whole")
    check_writable(tmp_path)
    assert names(tmp_path) == [name]


def test_a_killed_write_is_swept_and_ignored_by_git(tmp_path):
    """What a process leaves that was killed while it wrote bears the name that is swept, and git ignores it."""
    program = (
        "import os, signal, sys; from pathlib import Path; from benchmark.core.files import atomic\n"
        "with atomic(Path(sys.argv[1])) as path: path.write_text('half'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path / "labels.parquet")], cwd=ROOT, check=False)
    (name,) = names(tmp_path)
    ignored = subprocess.run(["git", "check-ignore", "-q", f"results/tiny/{name}"], cwd=ROOT, check=False)
    assert ignored.returncode in (0, 128)  # 128: this is no checkout
    sweep(tmp_path)
    assert names(tmp_path) == []


def test_temporary_names_fit_where_the_name_does(tmp_path, monkeypatch):
    """A name of 255 bytes, the most that file systems allow, can be written on a machine of any name."""
    monkeypatch.setattr(platform, "node", lambda: "pc.of.Ä/" + "x" * 99)
    assert files.TEMPORARY.fullmatch(temporary_name("a.b"))
    with atomic(tmp_path / ("a" * 255)) as temporary:
        temporary.write_text("whole")
    assert names(tmp_path) == ["a" * 255]


def test_rank_writes_into_any_folder(tmp_path):
    """Where there is nothing to rank, the folder is named, whatever it is called."""
    with pytest.raises(BenchmarkError, match="no results to rank"):
        rank([], Workspace.named(results=str(tmp_path / "res [1]")))
