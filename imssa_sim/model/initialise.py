"""A randomly initialised network.

The families of state-space models draw their own parameters; the distributions of the linear maps
are those of PyTorch's ``nn.Linear``.
"""

from __future__ import annotations

import math

import numpy as np

from imssa_sim.config.schema import ModelConfig
from imssa_sim.errors import InputError
from imssa_sim.model.network import (
    REFERENCE,
    Composition,
    Layer,
    Network,
    Norm,
    NormKind,
    NormPosition,
)
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.ssm.discretise import Discretisation
from imssa_sim.ssm.families import FAMILIES
from imssa_sim.ssm.interface import Sizes


def random_network(
    *,
    layers: int,
    width: int,
    state: int,
    inputs: int,
    classes: int,
    bidirectional: bool = False,
    norm: NormKind = "layer",
    norm_position: NormPosition = "post",
    discretisation: Discretisation = "zoh",
    family: str = "s4d",
    initialisation: str = "legs",
    dt_range: tuple[float, float] = (1e-3, 1e-1),
    seed: int = 0,
    composition: Composition = REFERENCE,
) -> Network:
    """Return an untrained network.

    Parameters
    ----------
    layers, width, state, inputs, classes : int
        Depth, H, N, d_in and K.
    bidirectional, norm, norm_position, discretisation, family, initialisation
        As in the ``model`` section of a workload.
    dt_range : tuple of float
        Least and largest time step [steps of the sequence].
    seed : int
        Seed of all draws.
    composition : Composition

    Raises
    ------
    InputError
        A size is not positive or does not suit the family or the composition, or the range of dt
        is empty.
    """
    counts = dict(layers=layers, width=width, state=state, inputs=inputs, classes=classes)
    for name, value in counts.items():
        if value < 1:
            raise InputError(f"model.{name} is {value}; it must be at least 1")
    low, high = dt_range
    if not 0 < low <= high:
        raise InputError(f"the range of dt is {low} to {high}; it must be positive and ascending")
    rng = np.random.default_rng(seed)
    problem = composition.problem(width)
    if problem is not None:
        raise InputError(f"model: {problem}")
    sizes = Sizes(width, state, bidirectional, composition.copies)

    def linear(rows: int, columns: int) -> tuple[FloatArray, FloatArray]:
        bound = 1 / math.sqrt(columns)
        return rng.uniform(-bound, bound, (rows, columns)), rng.uniform(-bound, bound, rows)

    def layer() -> Layer:
        kernel = FAMILIES[family].initial(rng, sizes, initialisation, dt_range)
        if kernel.channels != width * composition.copies:
            raise InputError(
                f"model.copies is {composition.copies}, but family {family} has one kernel on each "
                "channel"
            )
        weight, bias = linear(*composition.mixing_shape(width))
        return Layer(kernel, weight, bias, _initial_norm(norm, width))

    encoder_weight, encoder_bias = linear(width, inputs)
    blocks = tuple(layer() for _ in range(layers))
    decoder_weight, decoder_bias = linear(classes, width)
    return Network(
        encoder_weight=encoder_weight,
        encoder_bias=encoder_bias,
        layers=blocks,
        decoder_weight=decoder_weight,
        decoder_bias=decoder_bias,
        norm=norm,
        norm_position=norm_position,
        discretisation=discretisation,
        family=family,
        composition=composition,
    )


def _initial_norm(kind: NormKind, width: int) -> Norm | None:
    if kind == "none":
        return None
    batch = kind == "batch"
    return Norm(
        weight=np.ones(width),
        bias=np.zeros(width),
        running_mean=np.zeros(width) if batch else None,
        running_variance=np.ones(width) if batch else None,
    )


def network_of_config(
    model: ModelConfig, *, seed: int, dt_range: tuple[float, float] = (1e-3, 1e-1)
) -> Network:
    """Return an untrained network as a ``model`` section describes it; see `random_network`."""
    return random_network(
        layers=model.layers,
        width=model.width,
        state=model.state,
        inputs=model.inputs,
        classes=model.results,
        bidirectional=model.bidirectional,
        norm=model.norm,
        norm_position=model.norm_position,
        discretisation=model.discretisation,
        family=model.family,
        initialisation=model.initialisation,
        composition=Composition(**model.composition_keys),
        dt_range=dt_range,
        seed=seed,
    )
