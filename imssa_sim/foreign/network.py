"""Networks in Python: of a file, or of a PyTorch module, as functions of sequences."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from imssa_sim.errors import InputError
from imssa_sim.foreign.arrays import named, read_arrays
from imssa_sim.foreign.check import TOLERANCE, Check, check_of, read_check
from imssa_sim.foreign.choose import Chosen, choose
from imssa_sim.foreign.reading import shown
from imssa_sim.foreign.torch_module import run_module
from imssa_sim.model.checkpoint import FORMAT, load_checkpoint, read_safetensors, save_checkpoint
from imssa_sim.model.network import Network
from imssa_sim.model.reference_checkpoint import array_of
from imssa_sim.model.structure import Structure
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.reference.forward import forward
from imssa_sim.registry import unknown


@dataclass(frozen=True)
class FloatNetwork:
    """A network in floating point: call it with sequences (batch, steps, features).

    Attributes
    ----------
    network : Network
        Its parameters.
    assumptions : tuple of str
        What was taken for granted when it was read, a line each.
    deviation : float or None
        Largest deviation from the outputs it was checked with, as a part of the largest of them.
    """

    network: Network
    assumptions: tuple[str, ...] = ()
    deviation: float | None = None

    def __call__(self, inputs: ArrayLike) -> FloatArray:
        """Return the outputs (B, K), or (B, L, K) without pooling.

        Parameters
        ----------
        inputs : array (B, L, d_in)

        Raises
        ------
        InputError
            The network does not take such inputs.
        """
        return forward(self.network, _plain_array(inputs))

    @property
    def structure(self) -> Structure:
        """What the network is, apart from its values."""
        return Structure.of(self.network)

    def save(self, path: str | Path) -> None:
        """Write the network as safetensors that say what it is.

        Raises
        ------
        InputError
            The file exists, or cannot be written.
        """
        target = Path(path)
        if target.exists():
            raise InputError(f"{target} exists already; name another file or remove it first")
        metadata = {"assumptions": list(self.assumptions)}
        if self.deviation is not None:
            metadata["check"] = [f"largest deviation {self.deviation:.3g} of the largest output"]
        save_checkpoint(target, self.network, metadata, exact=True)


def load_network(
    path: str | Path,
    family: str | None = None,
    check: str | Path | None = None,
    renamed: Mapping[str, str] | None = None,
    **structure: Any,
) -> FloatNetwork:
    """Return the network of a checkpoint of any known family (docs/import.md).

    Parameters
    ----------
    path : path
        ``.pt``, ``.pth``, ``.ckpt``, ``.safetensors`` or ``.npz``.
    family : str, optional
    check : path, optional
        An ``.npz`` with ``inputs`` and ``outputs`` or ``logits``, which decides where several
        structures fit.
    renamed : mapping, optional
        New names of arrays by the old ones.
    **structure
        What the file does not say: ``norm_position="pre"``, ``discretisation="bilinear"``, ….

    Raises
    ------
    InputError
        The file cannot be read; nothing fits, or several do; or the check fails.
    """
    source = Path(path)
    told = read_check(Path(check)) if check is not None else None
    if _says_what_it_is(source):
        network = load_checkpoint(source).network
        _agree(network, source, family, structure)
        off = None if told is None else _proven(network, told, source)
        return FloatNetwork(network, ("the file says what it is",), off)
    chosen = choose(read_arrays(source, renamed or {}), family, structure, told)
    return _of(chosen)


def from_torch(
    module: Any,
    example: ArrayLike,
    family: str | None = None,
    renamed: Mapping[str, str] | None = None,
    **structure: Any,
) -> FloatNetwork:
    """Return the network of a PyTorch module, proven on an example.

    The module is recognised by the names and shapes of its parameters; of all structures that fit
    the one is taken whose outputs are the module's.

    Parameters
    ----------
    module : torch.nn.Module
        Put into evaluation mode for the example, and back.
    example : array or tensor (B, L, d_in)
        Not all zeros: it tells structures apart.
    family, renamed, **structure
        As for `load_network`.

    Raises
    ------
    InputError
        It is no module of a known family (its unknown parameters are named), or none that fits
        gives its outputs.
    """
    if not hasattr(module, "state_dict") or not callable(module):
        raise InputError(f"from_torch takes a torch.nn.Module, not a {type(module).__name__}")
    source = type(module).__name__
    state = module.state_dict()
    arrays = {name: array_of(source, name, tensor) for name, tensor in state.items()}
    inputs = _plain_array(example)
    found = named(arrays, source, renamed or {})
    outputs = run_module(module, inputs)
    if getattr(module, "transposed", False) and inputs.ndim == outputs.ndim == 3:
        swapped = f"{source} takes (batch, features, steps): its network here takes (…, steps, …)"
        found = replace(found, notes=(*found.notes, swapped))
        inputs, outputs = inputs.swapaxes(1, 2), outputs.swapaxes(1, 2)
    check = check_of(inputs, outputs, f"{source} on the example")
    return _of(choose(found, family, structure, check))


def import_checkpoint(
    source: Path,
    target: Path,
    family: str | None,
    structure: Mapping[str, Any],
    renamed: Mapping[str, str],
    check: Path | None,
) -> FloatNetwork:
    """Read a checkpoint, write it as safetensors, and check what was written.

    Raises
    ------
    InputError
        As for `load_network`; or the target exists or cannot be written.
    """
    if target.exists():
        raise InputError(f"{target} exists already; name another file or remove it first")
    read = load_network(source, family, check, renamed, **structure)
    quantisers = None
    metadata: dict[str, Any] = {}
    if _says_what_it_is(source):
        stored = load_checkpoint(source)
        quantisers, metadata = stored.quantisers, stored.metadata
    metadata = metadata | {"imported_from": source.name, "assumptions": list(read.assumptions)}
    save_checkpoint(target, read.network, metadata, quantisers, exact=True)
    written = load_checkpoint(target).network
    off = None
    if check is not None:
        try:
            off = _proven(written, read_check(check), target)
        except InputError:
            target.unlink(missing_ok=True)
            raise
    return FloatNetwork(written, read.assumptions, off)


def _of(chosen: Chosen) -> FloatNetwork:
    return FloatNetwork(chosen.network, chosen.assumptions, chosen.deviation)


def _says_what_it_is(path: Path) -> bool:
    if path.suffix != ".safetensors" or not path.is_file():
        return False
    return bool(read_safetensors(path)[1].get("format") == FORMAT)


def _agree(network: Network, path: Path, family: str | None, structure: Mapping[str, Any]) -> None:
    """Refuse what the user says against the file's own word."""
    own = asdict(Structure.of(network))
    wanted = dict(structure) | ({} if family is None else {"family": family})
    for name, value in wanted.items():
        if name not in own:
            raise unknown("option of a stored network, model.", name, own)
        if own[name] != value:
            raise InputError(
                f"{path}: model.{name} is {shown(value)}, but this file says {shown(own[name])}"
            )


def _proven(network: Network, check: Check, path: Path) -> float:
    off = check.deviation(network)
    if off > TOLERANCE:
        raise InputError(
            f"{path}: off by {off:.2g} of the largest output of {check.source} ({TOLERANCE:g} is "
            "allowed)"
        )
    return off


def _plain_array(values: Any) -> Any:
    """Return numbers of an array or of a tensor, which is taken off its device."""
    if hasattr(values, "detach"):
        values = array_of("inputs", "inputs", values)
    return np.asarray(values)
