"""Kernels compiled for processors that no test runs on: Apple silicon and other 64-bit Arm."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest
from llvmlite import binding
from numba import config

pytestmark = pytest.mark.skipif(config.DISABLE_JIT, reason="nothing is compiled")

# A process that compiles for a processor without any feature of its own, and keeps LLVM's code as
# it is before the processor's own passes.
COMPILE = """
import sys
from pathlib import Path
from numba.core.codegen import CPUCodeLibrary
from imssa_sim.kernels import warm_up

optimise, kept = CPUCodeLibrary._optimize_final_module, {}

def noted(library):
    optimise(library)
    kept[library.name] = str(library._final_module)

CPUCodeLibrary._optimize_final_module = noted
warm_up.main([sys.argv[1]])
name = warm_up.LOOPS[sys.argv[1]][1]
(text,) = [code for library, code in kept.items() if library.split(".")[-1] == name]
Path(sys.argv[2]).write_text(text, "utf-8")
"""
ARM = {
    "apple-m1": "arm64-apple-macosx11.0.0",
    "neoverse-n1": "aarch64-unknown-linux-gnu",
    "generic": "aarch64-unknown-linux-gnu",
}
LOOPS = [
    "dense",
    pytest.param("blocks", marks=pytest.mark.slow),
    pytest.param("singles", marks=pytest.mark.slow),
]


@pytest.fixture(scope="module", params=LOOPS)
def code(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("code")
    chosen = {
        "NUMBA_CPU_NAME": "x86-64", "NUMBA_CPU_FEATURES": "",
        "NUMBA_CACHE_DIR": str(folder / "cache"),
    }  # fmt: skip
    subprocess.run(
        [sys.executable, "-c", COMPILE, request.param, str(folder / "code.ll")],
        env={**os.environ, **chosen}, check=True, timeout=500,
    )  # fmt: skip
    return _counted((folder / "code.ll").read_text("utf-8"))


def _counted(code: str) -> str:
    """Write Numba's count of references, made for x86 before it is linked, as on any processor."""
    numbers = iter(range(10_000))

    def plain(found: re.Match[str]) -> str:
        name = f"%counted{next(numbers)}"
        return (
            f"{name}.old = atomicrmw sub ptr {found[2]}, i64 1 seq_cst\n  "
            f"{name}.last = icmp eq i64 {name}.old, 1\n  {found[1]} = zext i1 {name}.last to i8"
        )

    name = r"@llvm\.x86\.atomic\.sub\.cc\.i64"
    call = rf"(%\S+) = (?:tail )?call i8 {name}\(ptr [^,]*?(%[^,\s]+), i64 1, i32 4\)[^\n]*"
    code = re.sub(call, plain, code)
    return re.sub(r"declare i8 @llvm\.x86\.atomic\.sub\.cc\.i64\([^\n]*\n", "", code)


def test_nothing_of_one_processor_is_in_what_all_get(code: str) -> None:
    assert "llvm.x86" not in code
    assert not re.search(r"\basm (sideeffect|alignstack|\")", code)
    assert "@llvm.fma.v16f32" in code


@pytest.mark.parametrize("processor", ARM)
def test_kernels_become_vector_instructions_of_arm(code: str, processor: str) -> None:
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    triple = ARM[processor]
    machine = binding.Target.from_triple(triple).create_target_machine(cpu=processor, opt=3)
    text = re.sub(r'target triple = "[^"]*"', f'target triple = "{triple}"', code)
    layout = f'target datalayout = "{machine.target_data}"'
    module = binding.parse_assembly(re.sub(r'target datalayout = "[^"]*"', layout, text))
    module.verify()
    assembly = machine.emit_assembly(module)
    fused = re.findall(r"\bfmla(?:\.4s|\s+v\d+\.4s)", assembly)  # as Apple and as Arm write it
    alone = re.findall(r"\bfmadd\s+s\d+", assembly)
    assert len(fused) > 4 * len(alone) + 100
    called = set(re.findall(r"\bbl\s+_*(\w+)", assembly))
    assert not called & {"fma", "fmaf", "floor", "floorf", "sqrt", "sqrtf"}
