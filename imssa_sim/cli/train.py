"""``train``: train a float network with PyTorch (the optional extra ``train``)."""

from __future__ import annotations

import importlib.util
import shlex
import sys
from pathlib import Path

from imssa_sim.errors import InputError

INSTALL = "pip install 'imssa_sim[train]' (or pip install torch)"


def train(config: Path, output: Path | None, overrides: list[str], fresh: bool) -> None:
    """Train the network of a training configuration and store it with its metadata.

    Raises
    ------
    InputError
        PyTorch is not installed, or the configuration, the data or the output cannot be used.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError(f"training needs PyTorch, which is not installed: {INSTALL}")
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train as run_training

    loaded = load_train_config(config, overrides)
    target = Path(f"{loaded.name}.safetensors") if output is None else output
    words = ["python", "-m", "imssa_sim", "train", str(config)]
    if output is not None:
        words += ["-o", str(output)]
    for text in overrides:
        words += ["--set", text]
    try:
        run_training(loaded, target, command=shlex.join(words), fresh=fresh, report=_say)
    except KeyboardInterrupt:
        state = target.with_suffix(".resume.pt")
        if state.exists():
            _say(f"the same command continues from {state}")
        raise


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
