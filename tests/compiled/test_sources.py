"""Which files machine code depends on."""

from __future__ import annotations

from imssa_sim.compiled.sources import PACKAGE, files_behind, fingerprint


def names(file):
    return {str(path.relative_to(PACKAGE)) for path in files_behind(PACKAGE / file)}


def test_loops_depend_on_what_they_use():
    found = names("training/adjoint_kernels.py")
    assert {
        "training/adjoint_kernels.py", "kernels/digital_recurrence.py", "kernels/ops.py",
        "kernels/_memory_llvm.py", "kernels/_vectors_llvm.py", "compiled/decorator.py",
    } <= found  # fmt: skip
    assert "training/trainer.py" not in found
    assert not any(name.startswith(("cli/", "config/")) for name in found)


def test_all_vector_operations_stand_behind_the_recurrent_loop():
    loops = {f"kernels/{path.name}" for path in PACKAGE.glob("kernels/_*_llvm.py")}
    assert loops <= names("kernels/_recurrent_items.py")


def test_imports_of_every_form_are_followed(tmp_path):
    root = tmp_path / "imssa_sim"
    (root / "sub").mkdir(parents=True)
    (root / "a.py").write_text(
        "if True:\n    from imssa_sim.sub import (\n        b,\n        thing as other,\n    )\n"
        "from imssa_sim.sub.c import x\n", "utf-8"
    )  # fmt: skip
    for name in ("sub/__init__.py", "sub/b.py", "sub/c.py", "sub/d.py"):
        (root / name).write_text("", "utf-8")
    found = {path.name for path in files_behind(root / "a.py", root)}
    assert found == {"a.py", "__init__.py", "b.py", "c.py"}


def test_the_fingerprint_changes_with_the_text(tmp_path):
    root = tmp_path / "imssa_sim"
    root.mkdir()
    (root / "a.py").write_text("from imssa_sim.b import x\n", "utf-8")
    (root / "b.py").write_text("x = 1\n", "utf-8")
    before = fingerprint(root / "a.py", root)
    fingerprint.cache_clear()
    (root / "b.py").write_text("x = 2\n", "utf-8")
    assert fingerprint(root / "a.py", root) != before
    fingerprint.cache_clear()
