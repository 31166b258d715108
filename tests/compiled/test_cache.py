"""Machine code on disk: when it is used, when it is not, and what is said."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from imssa_sim.compiled import private

pytestmark = pytest.mark.skipif(not private.compiles(), reason="nothing is compiled")

INNER = "from numba import njit\n\n@njit\ndef inner(n):\n    return n + {}\n"
OUTER = """
from imssa_sim.compiled.decorator import compiled_loop
from imssa_sim.looptest.inner import inner

@compiled_loop(nogil=True)
def outer(n):
    return 10 * inner(n)

def made(factor):
    @compiled_loop()
    def times(n):
        return factor * n
    return times
"""
RUN = """
import subprocess
import sys
from pathlib import Path
import imssa_sim
from imssa_sim.compiled import ahead, places, sources
from imssa_sim.compiled.notices import listening

root = Path(sys.argv[1])
imssa_sim.__path__.append(str(root / "imssa_sim"))
fingerprint = sources.fingerprint
places.fingerprint = lambda file: fingerprint(file, root / "imssa_sim")
from imssa_sim.looptest.outer import made, outer

if len(sys.argv) > 2:  # another process compiles meanwhile
    helper = subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]],
                              stdout=subprocess.DEVNULL)
    ahead._helpers["outer.outer"] = helper
said = []
with listening(said.append):
    results = outer(1), outer(2), outer(1.5), made(3)(5), made(4)(5)
print(repr((results, dict(outer.stats.cache_hits) and "kept", said)))
"""


@pytest.fixture
def tree(tmp_path):
    """A package with two modules of compiled functions, one of which uses the other."""
    folder = tmp_path / "imssa_sim" / "looptest"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "inner.py").write_text(INNER.format(1), "utf-8")
    (folder / "outer.py").write_text(OUTER, "utf-8")
    return folder


def run(tree, *more, **environment):
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tree.parents[1]), *more],
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": "", **environment},
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return eval(done.stdout, {"__builtins__": {}})


def kept(folder):
    return sorted(folder.rglob("*.loop"))


RESULTS = (20, 30, 25.0, 15, 20)


def test_the_second_process_finds_what_the_first_compiled(tree):
    first, found, said = run(tree)
    assert (first, found) == (RESULTS, {})
    assert said == ["compiling loops for this processor, once"]
    assert len(kept(tree)) == 4
    assert run(tree) == (RESULTS, "kept", [])
    assert not list(tree.rglob(".*"))


def test_an_edit_in_another_file_is_noticed_and_replaces_the_old_code(tree):
    run(tree)
    before = kept(tree)
    (tree / "inner.py").write_text(INNER.format(2), "utf-8")
    results, found, _ = run(tree)
    assert (results, found) == ((30, 40, 35.0, 15, 20), {})
    assert len(kept(tree)) == len(before)
    assert not set(kept(tree)) & set(before)


@pytest.mark.parametrize("damage", ["empty", "cut", "bit"])
def test_a_broken_file_is_compiled_anew_and_named_once(tree, damage):
    run(tree)
    for file in kept(tree):
        data = file.read_bytes()
        changed = {"empty": b"", "cut": data[: len(data) // 2], "bit": data[:-9] + b"!" + data[-8:]}
        file.write_bytes(changed[damage])
    results, found, said = run(tree)
    assert (results, found) == (RESULTS, {})
    (line,) = said
    assert "is broken: its loop is compiled anew" in line
    assert run(tree) == (RESULTS, "kept", [])


def test_where_nothing_can_be_kept_all_runs_and_it_is_said_once(tree):
    # a file stands where a folder would be made: not even root can write there
    (tree / "__pycache__").write_text("", "utf-8")
    results, _, said = run(tree, XDG_CACHE_HOME=str(tree / "inner.py"))
    assert results == RESULTS
    (line,) = said
    assert "cannot be kept (no folder can be written to)" in line
    assert "NUMBA_CACHE_DIR" in line
    assert not kept(tree)


def test_a_named_folder_is_used(tree, tmp_path):
    assert run(tree, NUMBA_CACHE_DIR=str(tmp_path / "named"))[0] == RESULTS
    assert not kept(tree)
    assert len(kept(tmp_path / "named")) == 4


def test_a_folder_without_room_is_said_once(tree):
    results, _, said = run(tree, NUMBA_CACHE_DIR="/dev/full/x")
    assert results == RESULTS
    assert len(said) == 1


def test_bounds_checks_take_other_machine_code(tree):
    run(tree)
    results, found, _ = run(tree, NUMBA_BOUNDSCHECK="1")
    assert (results, found) == (RESULTS, {})
    assert len(kept(tree)) == 8


def test_what_another_process_compiles_is_waited_for(tree):
    results, found, _ = run(tree, RUN)
    assert (results, found) == (RESULTS, "kept")
    assert len(kept(tree)) == 4
