"""A process of labelling does not grow with the number of images."""

import platform
import subprocess
import sys

import pytest

LABELLING = """
import ctypes, sys
from benchmark.cli.main import main

status = main(["label", "glyphs", "--limit", "15", "--anew", "--device", "cpu", "--results", sys.argv[1]])
libc, text, size = ctypes.CDLL(None), ctypes.c_char_p(), ctypes.c_size_t()
libc.open_memstream.restype = ctypes.c_void_p
file = ctypes.c_void_p(libc.open_memstream(ctypes.byref(text), ctypes.byref(size)))
libc.malloc_info(0, file)
libc.fclose(file)
print(status, "arenas", text.value.decode().count("<heap nr="))
"""
"""Labels a few images by the command, and counts the pools of memory that threads of the process have had."""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc gives threads pools of their own")
def test_threads_of_labelling_share_one_pool_of_memory(tmp_path):
    """What a thread has freed would otherwise stay in a pool of its own, and there are new threads for each piece of work."""
    done = subprocess.run(
        [sys.executable, "-c", LABELLING, str(tmp_path)], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[-1] == "0 arenas 1"
