"""Reading of pickled arrays from strangers: only plain containers and byte arrays get through.

A pickle can call any function that its reader lets it find. This reader lets it find exactly the
four names by which NumPy pickles an array, and replaces each with a function that accepts nothing
but the arguments of such a pickle.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np

from imssa_sim.errors import InputError


def load_arrays(path: Path) -> Any:
    """Read a pickle of dicts, lists, texts, numbers, bytes and arrays of bytes.

    Raises
    ------
    InputError
        The file is truncated, is no pickle, or names anything else; nothing in it was run.
    """
    try:
        return _Restricted(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    except _RefusedError as error:
        raise InputError(
            f"{path}: refused: the file asks for {error}, which data never need"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except Exception as error:
        # The unpickler raises whatever a damaged file provokes: EOFError, KeyError, TypeError, …
        raise InputError(f"{path}: truncated, or no pickle ({error})") from error


class _RefusedError(Exception):
    """A name or an argument that no honest file has."""


_ARRAY = object()
"""Stands for ``numpy.ndarray`` as an argument; unlike the class itself it cannot be called."""


def _reconstruct(subtype: Any, shape: Any, kind: Any) -> Any:
    if subtype is not _ARRAY or shape != (0,) or kind not in (b"b", "b"):
        raise _RefusedError("an array with unusual construction arguments")
    return np.empty(0, dtype=np.uint8)


def _dtype(code: Any, *flags: Any) -> Any:
    if code not in (b"u1", "u1", b"|u1", "|u1"):
        raise _RefusedError(f"an array of type {code!r}")
    return np.dtype("u1")


def _encode(text: Any, encoding: Any = "latin1") -> bytes:
    """Stand in for ``_codecs.encode``, by which Python 3 writes bytes at pickle protocol 2."""
    if not isinstance(text, str) or encoding != "latin1":
        raise _RefusedError("a conversion of something else than bytes")
    return text.encode("latin1")


_ADMITTED: dict[tuple[str, str], object] = {
    ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
    ("numpy", "ndarray"): _ARRAY,
    ("numpy", "dtype"): _dtype,
    ("_codecs", "encode"): _encode,
}


class _Restricted(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return one of the admitted names."""
        admitted = _ADMITTED.get((module, name))
        if admitted is None:
            raise _RefusedError(f"'{module}.{name}'")
        return admitted
