"""Checkpoints that the authors' implementation of S4D writes with ``torch.save``.

The file holds a mapping with ``model`` (the ``state_dict``), ``acc`` and ``epoch``; a bare
``state_dict`` is taken too. It is read with ``weights_only=True``, so no code in it can run; the
``argparse.Namespace`` that scripts store beside the weights is let through and not looked at.
"""

from __future__ import annotations

import argparse
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError


def read_content(path: Path) -> Any:
    """Return what ``torch.save`` wrote into a file.

    Raises
    ------
    InputError
        PyTorch is not installed; the file is no PyTorch checkpoint, or is truncated, or holds
        objects beyond tensors, numbers and texts.
    """
    try:
        import torch
    except ImportError as error:
        raise InputError(
            f"{path}: reading a PyTorch checkpoint needs PyTorch; install the extra with "
            "pip install 'imssa_sim[train]', or convert the file to safetensors where PyTorch is"
        ) from error
    try:
        with warnings.catch_warnings():
            # PyTorch warns of an unusual pickle protocol before it refuses the file.
            warnings.simplefilter("ignore", UserWarning)
            # Training scripts store their arguments beside the weights: a bare holder of values.
            with torch.serialization.safe_globals([argparse.Namespace]):
                return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{path}: refused: it holds more than tensors, numbers and texts, or is no PyTorch "
            f"checkpoint ({reason})"
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError, AttributeError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise InputError(f"{path}: not a PyTorch checkpoint, or truncated ({reason})") from error


def read_reference(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Return the tensors of a ``.pt`` checkpoint by name, and what else it tells.

    Raises
    ------
    InputError
        As for `read_content`; or it has no ``state_dict``.
    """
    content = read_content(path)
    import torch

    if not isinstance(content, dict):
        kind = type(content).__name__
        raise InputError(f"{path}: expected a mapping with 'model', found a {kind}")
    state = content.get("model", content)
    if not isinstance(state, dict) or not any(isinstance(v, torch.Tensor) for v in state.values()):
        names = ", ".join(map(str, list(content)[:6])) or "nothing"
        raise InputError(f"{path}: no state_dict under 'model'; the file holds {names}")
    tensors = {
        str(name): array_of(path, str(name), value)
        for name, value in state.items()
        if isinstance(value, torch.Tensor)
    }
    metadata: dict[str, Any] = {"source": "reference implementation"}
    for name in ("acc", "epoch"):
        if isinstance(content.get(name), int | float):
            metadata[name] = content[name]
    return tensors, metadata


def array_of(path: Path | str, name: str, tensor: Any) -> NDArray[Any]:
    """Return a tensor as an array; bfloat16, which NumPy lacks, becomes float32.

    Raises
    ------
    InputError
        NumPy has no such numbers (of 8 bits, quantised), or the tensor is sparse or without values.
    """
    try:
        values = tensor.detach().cpu()
        if str(values.dtype) == "torch.bfloat16":
            values = values.float()
        return np.asarray(values.numpy())
    except (TypeError, RuntimeError, NotImplementedError) as error:
        kind = str(tensor.dtype).removeprefix("torch.")
        layout = str(tensor.layout).removeprefix("torch.")
        raise InputError(
            f"{path}: '{name}' is stored as {kind} ({layout}, on {tensor.device}), which cannot be "
            "read; store the network as dense float32 or bfloat16"
        ) from error
