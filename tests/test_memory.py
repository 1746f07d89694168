"""A process of labelling does not grow with the number of images."""

import os
import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, sys

def pools():
    libc, text, size = ctypes.CDLL(None), ctypes.c_char_p(), ctypes.c_size_t()
    libc.open_memstream.restype = ctypes.c_void_p
    file = ctypes.c_void_p(libc.open_memstream(ctypes.byref(text), ctypes.byref(size)))
    libc.malloc_info(0, file)
    libc.fclose(file)
    return text.value.decode().count("<heap nr=")

"""
"""Counts the pools of memory that threads of the process have had."""
BY_COMMAND = """
from benchmark.cli.main import main

status = main(["label", sys.argv[2], "--limit", "15", "--anew", "--device", "cpu", "--results", sys.argv[1]])
print(status, pools())
"""
BY_FUNCTION = """
from dataclasses import replace
from benchmark.core.workspace import Workspace
from benchmark.labelling.pipeline import label
from benchmark.suites.loading import load_suite

before = pools()
label(load_suite(sys.argv[2], limit=15), replace(Workspace.named(results=sys.argv[1], device="cpu"), published=None))
print(pools() - before, 1)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads pools of their own")
@pytest.mark.parametrize("way", [BY_COMMAND, BY_FUNCTION], ids=["command", "function"])
def test_threads_of_labelling_share_one_pool_of_memory(way, tiny_file, tmp_path):
    """What a thread has freed would otherwise stay in a pool of its own, and there are new threads for each piece of work.

    A process that has more pools before, of other libraries, gets no further ones.
    """
    done = subprocess.run(
        [sys.executable, "-c", COUNT + way, str(tmp_path / "results"), str(tiny_file)],
        capture_output=True, text=True, check=True, cwd=tmp_path, env=os.environ | {"UTILBENCH_CACHE": str(tmp_path)},
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "0 1"
