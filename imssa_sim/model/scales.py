"""Quantisers that were trained with a network: ranges, bit widths and output form.

A checkpoint of quantisation-aware training holds them beside the float parameters, as float32
tensors under ``quantisers.`` and an entry ``quantisers`` of its metadata. From the stored values
the integers of the network follow without any data, the same in training and in a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imssa_sim.errors import InputError
from imssa_sim.model.network import Network
from imssa_sim.model.ptq import quantise_with_ranges
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.model.ranges import ENDS, SCALARS, LayerRanges, Ranges, ends_of, scalars_of
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.quantisers import FloatArray, IntArray
from imssa_sim.quantisation.widths import BitWidths, bits_from
from imssa_sim.ssm.forms import OutputForm, output_form
from imssa_sim.ssm.interface import mixes_channels

PREFIX = "quantisers."
ENTRY = "quantisers"
INPUT = "kernel_input"
"""One range for a layer, or one for each channel that kernels take."""
STATES = ("state", "state_reverse")
INCREMENT = "increment"


@dataclass(frozen=True)
class TrainedQuantisers:
    """All that turns a float network into one particular quantised network.

    Attributes
    ----------
    bits : BitWidths
    form : OutputForm
    length : int
        Steps of the sequences.
    options : CalibrationOptions
        Of weights; the method for activations has no meaning.
    ranges : Ranges
        Values that float32 holds exactly.
    turns : tuple of int array (H, M)
        Quarter turns of each layer's states, in a form with increments: decided when training
        begins, and kept. Without, no state turns.
    """

    bits: BitWidths
    form: OutputForm
    length: int
    options: CalibrationOptions
    ranges: Ranges
    turns: tuple[IntArray, ...] = ()

    def quantise(self, network: Network) -> QuantisedNetwork:
        """Return the quantised network of the float parameters that were trained with these."""
        still = (np.zeros(layer.state.shape, np.int64) for layer in self.ranges.layers)
        turns = self.turns or tuple(still)
        return quantise_with_ranges(
            network, self.bits, self.ranges, self.length, self.form, self.options, turns
        )

    def difference(
        self, bits: BitWidths, form: OutputForm, length: int, options: CalibrationOptions
    ) -> str:
        """Return in what a run differs from the training; empty if in nothing that matters."""
        here = bits.described()
        found = [
            f"bits.{name} {here.get(name)} instead of {value}"
            for name, value in self.bits.described().items()
            if here.get(name) != value
        ]
        if form != self.form:
            found.append(f"output form {form} instead of {self.form}")
        if length != self.length:
            found.append(f"{length} steps instead of {self.length}")
        if options.weights != self.options.weights:
            found.append(f"weight ranges {options.weights} instead of {self.options.weights}")
        elif options.weights == "percentile" and options.percentile != self.options.percentile:
            found.append(f"percentile {options.percentile} instead of {self.options.percentile}")
        if options.granularity != self.options.granularity:
            found.append("another granularity")
        return ", ".join(found)

    def tensors(self, network: Network) -> dict[str, NDArray[np.float32]]:
        """Return ranges and turns of a network as named float32 arrays."""
        turns = {_turns_of(i): q for i, q in enumerate(self.turns)}
        values = named(self.ranges, network) | turns
        return {name: np.array(value, np.float32) for name, value in values.items()}

    def described(self) -> dict[str, Any]:
        """Return everything but the tensors, for the metadata."""
        return {
            "bits": self.bits.described(),
            "form": self.form.name,
            "length": self.length,
            "weights": self.options.weights,
            "percentile": self.options.percentile,
            "granularity": asdict(self.options.granularity),
        }


def _turns_of(layer: int) -> str:
    return f"{PREFIX}layers.{layer}.turns"


def named(ranges: Ranges, network: Network) -> dict[str, Any]:
    """Return the ranges that a network has codes for by the names of their tensors."""
    found: dict[str, Any] = {PREFIX + name: getattr(ranges, name) for name in ends_of(network)}
    for i, layer in enumerate(ranges.layers):
        for name in (INPUT, *scalars_of(network), *STATES, INCREMENT):
            value = getattr(layer, name)
            if value is not None:
                found[f"{PREFIX}layers.{i}.{name}"] = value
    return found


def ranges_of(values: Mapping[str, Any], layers: int) -> Ranges:
    """Return the ranges from values by the names of their tensors; zero where there is none.

    Raises
    ------
    KeyError
        The name of one that every layer has is missing.
    """

    def of_layer(i: int) -> LayerRanges:
        head = f"{PREFIX}layers.{i}."
        scalars: dict[str, Any] = {name: float(values.get(head + name, 0.0)) for name in SCALARS}
        given = np.asarray(values[head + INPUT], np.float64)

        def array(name: str) -> FloatArray | None:
            value = values.get(head + name)
            return None if value is None else np.asarray(value, np.float64)

        return LayerRanges(
            **scalars,
            kernel_input=given if given.ndim else float(given),
            state=np.asarray(values[head + "state"], np.float64),
            state_reverse=array("state_reverse"),
            increment=array(INCREMENT),
        )

    ends = {name: float(values.get(PREFIX + name, 0.0)) for name in ENDS}
    return Ranges(**ends, layers=tuple(of_layer(i) for i in range(layers)))


def quantisers_from(
    tensors: Mapping[str, NDArray[Any]], entry: Any, network: Network, source: str
) -> TrainedQuantisers:
    """Rebuild stored quantisers.

    Parameters
    ----------
    tensors : mapping
        Those whose names begin with `PREFIX`.
    entry : mapping
        What `TrainedQuantisers.described` gave.
    network : Network
        Whose shapes the ranges must fit.
    source : str
        File name for messages.

    Raises
    ------
    InputError
        Something is missing, of the wrong shape, not finite or negative.
    """
    problems: list[str] = []
    by_channel = False
    try:
        settings: dict[str, Any] = dict(
            bits=bits_from(entry["bits"]),
            form=output_form(entry["form"]),
            length=int(entry["length"]),
            options=CalibrationOptions(
                weights=entry["weights"],
                percentile=entry["percentile"],
                granularity=Granularities(**entry["granularity"]),
            ),
        )
        by_channel = settings["options"].granularity.kernel_input == "channel"
    except (KeyError, TypeError, ValueError, InputError) as error:
        problems.append(f"the metadata entry '{ENTRY}' does not describe quantisers ({error})")
    shapes: dict[str, tuple[int, ...]] = {PREFIX + name: () for name in ends_of(network)}
    for i, layer in enumerate(network.layers):
        head, kernel = f"{PREFIX}layers.{i}.", layer.kernel
        shapes |= {head + name: () for name in scalars_of(network)}
        shapes[head + INPUT] = (kernel.channels,) if by_channel else ()
        states = STATES[: 1 + network.bidirectional]
        shapes |= dict.fromkeys((head + name for name in states), kernel.alive.shape)
        if mixes_channels(kernel):
            shapes[head + INCREMENT] = (kernel.modes,)
    turns, found = _stored_turns(tensors, [layer.kernel.alive.shape for layer in network.layers])
    tensors = {name: array for name, array in tensors.items() if not name.endswith(".turns")}
    problems += found + [f"unexpected tensor '{name}'" for name in tensors if name not in shapes]
    for name, shape in shapes.items():
        array = tensors.get(name)
        if array is None:
            problems.append(f"missing tensor '{name}'")
        elif array.shape != shape:
            problems.append(f"'{name}' must have shape {shape}, found {array.shape}")
        elif not (np.isfinite(array).all() and (array >= 0).all()):
            problems.append(f"'{name}' must hold finite ranges that are not negative")
    if problems:
        raise InputError("\n".join(f"{source}: {text}" for text in problems[:8]))
    return TrainedQuantisers(
        **settings,
        ranges=ranges_of(tensors, len(network.layers)),
        turns=turns,
    )


def _stored_turns(
    tensors: Mapping[str, NDArray[Any]], shapes: Sequence[tuple[int, ...]]
) -> tuple[tuple[IntArray, ...], list[str]]:
    """Return the turns of all layers, none where none are stored, and what is wrong with them."""
    wanted = {_turns_of(i): shape for i, shape in enumerate(shapes)}
    stored = {name: array for name, array in tensors.items() if name.endswith(".turns")}
    problems = [f"unexpected tensor '{name}'" for name in stored if name not in wanted]
    turns = []
    for name, shape in wanted.items() if stored else ():
        array = stored.get(name)
        if array is None or array.shape != shape or not np.isin(array, range(4)).all():
            problems.append(f"'{name}' must hold 0, 1, 2 or 3 in shape {shape}")
        else:
            turns.append(array.astype(np.int64))
    return tuple(turns), problems
