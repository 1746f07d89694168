"""What the package tells while it works goes through `logging`; on standard output stand results alone."""

import ast
import logging
import subprocess
import sys

import pytest

from benchmark.core import progress
from benchmark.core.errors import DataError
from benchmark.core.messages import show_messages
from tests.test_public_names import MODULES

SCRIPTS = ("train_zoo", "train_detectors", "make_fonts")


@pytest.mark.parametrize("module", [name for name in MODULES if not name.startswith("benchmark.cli.")])
def test_only_the_command_line_and_scripts_print(module):
    """No module writes to a stream by itself, so that whoever imports it decides what is shown."""
    names = [node.id for node in ast.walk(ast.parse(MODULES[module].read_text())) if isinstance(node, ast.Name)]
    assert "print" not in names or module.endswith((*SCRIPTS, "core.messages"))


def test_the_command_line_shows_plain_lines(capsys):
    """Messages appear once, as they are, on standard error; warnings say that they are some."""
    show_messages()
    show_messages()
    logger = logging.getLogger("benchmark.labelling.worker")
    logger.info("compiling zoo:vgg")
    logger.warning("bf16 is slow")
    logger.debug("a detail")
    told = capsys.readouterr()
    assert told.err == "compiling zoo:vgg\nwarning: bf16 is slow\n"
    assert not told.out


PROGRAM = """
import logging, sys
import benchmark
if sys.argv[1:]:
    logging.basicConfig(level=logging.INFO)
with benchmark.show_progress("scores", 2, "images") as advance:
    advance(2)
logging.getLogger("benchmark.labelling").warning("slow")
"""


def test_a_script_decides_what_is_shown():
    """Without a word from the script only warnings appear; with `basicConfig`, as the README says, progress too."""
    quiet, told = (
        subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
        for words in ([], ["told"])
    )
    assert (quiet.stdout, quiet.stderr) == ("", "slow\n")
    assert not told.stdout
    assert "INFO:benchmark.core.progress:scores: 2/2 images" in told.stderr


@pytest.mark.parametrize("text", ["a\0b", "two\nlines", "\x1b[31mred", "a\u202eb", "\udcff", "a\u2028b"])
def test_messages_are_one_printable_line(text, capsys):
    """Whatever texts of files and names an error or a message holds, it is one line, in which they can be recognised."""
    show_messages()
    with pytest.raises(DataError) as caught:
        raise DataError(f"no photograph {text}, ä")
    logging.getLogger("benchmark.labelling").warning(f"no photograph {text}, ä")
    for line in (str(caught.value), capsys.readouterr().err.removesuffix("\n")):
        assert line.isprintable()
        assert line.endswith(f"no photograph {text.encode('unicode_escape').decode()}, ä")


@pytest.mark.parametrize(("total", "expected"), [(0, []), (3, ["letters: 3/3 images"])])
def test_progress_tells_the_end_once_and_nothing_of_no_work(total, expected, caplog, monkeypatch):
    """The last line is told once, however long the last step took; where there is nothing to do, none is."""
    monkeypatch.setattr(progress, "SECONDS_BETWEEN_LINES", -1.0)
    with caplog.at_level("INFO"), progress.show_progress("letters", total, "images") as advance:
        if total:
            advance(total)
    assert [record.getMessage().partition(",")[0] for record in caplog.records] == expected
