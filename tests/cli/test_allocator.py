"""Memory kept for the next array, in processes of its own: what is set stays set."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

from imssa_sim.cli import allocator

SCRIPT = """
import resource, sys
import numpy as np
from imssa_sim.cli.allocator import keep_memory
if sys.argv[1] == "kept":
    assert keep_memory()
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(1 << 23)
before = faults()
for _ in range(10):
    np.ones(1 << 23)  # 64 MiB, beyond what glibc keeps by itself
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="options of glibc")
def test_pages_are_used_again() -> None:
    def faults(name: str) -> int:
        command = [sys.executable, "-c", SCRIPT, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return int(done.stdout)

    assert faults("kept") < faults("returned") / 4


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allocator.ctypes, "CDLL", lambda name: object())
    assert not allocator.keep_memory()
