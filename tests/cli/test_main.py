"""Entry point: exit codes, messages, start-up, pipes."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import imssa_sim
from imssa_sim.cli import main
from imssa_sim.errors import InternalError, ValidityError

Write = Callable[..., Path]
HEAVY = {"numba", "numpy", "matplotlib", "scipy", "scipy.sparse", "torch", "pandas", "rich"}


def python(*words: str, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, *words], capture_output=True, text=True, check=False, **options
    )  # type: ignore[call-overload,no-any-return]


@pytest.mark.parametrize("words", [["--help"], ["validate", "--help"], ["--version"], []])
def test_start_up_loads_nothing_heavy(words: list[str]) -> None:
    code = (
        "import sys; from imssa_sim.cli import main; main(sys.argv[1:]);"
        f"print('heavy:', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = python("-c", code, *words)
    assert done.stdout.endswith("heavy: []\n"), done.stdout + done.stderr


def test_help_takes_less_than_half_a_second() -> None:
    times = []
    for _ in range(3):
        start = time.perf_counter()
        assert python("-m", "imssa_sim", "--help").returncode == 0
        times.append(time.perf_counter() - start)
    assert min(times) < 0.5


def test_help_fits_80_columns_and_has_no_escape_codes() -> None:
    done = python("-m", "imssa_sim", "--help")
    assert "Usage: imssa_sim" in done.stdout
    assert "\x1b" not in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 80
    for command in ("validate", "explain", "list", "cite"):
        assert f"\n  {command} " in done.stdout


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"imssa_sim {imssa_sim.__version__}\n"


def test_the_version_is_that_of_the_citation_file() -> None:
    text = (Path(__file__).parents[2] / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {imssa_sim.__version__}\n" in text


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["valdate"], "No such command 'valdate'. Did you mean 'validate'"),
        (["validate", "--sett", "a"], "No such option: --sett (Possible options: --set)"),
        (["validate"], "Missing argument"),
        (["validate", "a", "b", "c"], "Got unexpected extra argument"),
        (["list", "--kind"], "Option '--kind' requires an argument"),
    ],
)
def test_wrong_usage(capsys: pytest.CaptureFixture[str], words: list[str], expected: str) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (ValidityError("too hot"), 3, "error: too hot\n"),
        (InternalError("broken"), 4, "error: broken\n"),
        (
            ValueError("odd\n thing"),
            4,
            "internal error: ValueError: odd thing; use --debug for the traceback\n",
        ),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_outcomes(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    message: str,
) -> None:
    import imssa_sim.cli.validate

    def fail(workload: str, overrides: list[str]) -> None:
        raise error

    monkeypatch.setattr(imssa_sim.cli.validate, "validate", fail)
    assert main(["validate", "x"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.replace("interrupted\n", "") == message


@pytest.mark.parametrize(
    "words", [["--debug", "validate", "x.yaml"], ["validate", "x.yaml", "--debug"]]
)
def test_debug_shows_the_traceback(words: list[str], tmp_path: Path) -> None:
    done = python("-m", "imssa_sim", *words, cwd=tmp_path, env={"PYTHONPATH": _root()})
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "InputError" in done.stderr


def _root() -> str:
    return str(Path(imssa_sim.__file__).parents[1])


def test_a_reader_that_stops_early_is_no_error() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "imssa_sim", "list", "cards"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_an_interrupt_is_clean() -> None:
    code = (
        "import imssa_sim.cli.validate as v, os, signal, sys\n"
        "v.validate = lambda *a: os.kill(os.getpid(), signal.SIGINT)\n"
        "from imssa_sim.cli import main\n"
        "sys.exit(main(['validate', 'x']))"
    )
    done = python("-c", code)
    assert done.returncode == 130
    assert "Traceback" not in done.stderr
