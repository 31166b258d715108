"""Structural pruning of S4D kernels: whole modes go, and with them rows and columns of crossbars.

Saliency of a mode (docs/qat.md): the energy of its contribution to the kernel's output on
calibration data, ``E[(2 Re(C_n x_n))²]`` over sequences and steps, as a share of the sum over the
channel's modes. It is the mean squared change of the output where modes are uncorrelated and one
is left out.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.model.discretise import discretise
from imssa_sim.model.forward import forward
from imssa_sim.model.network import FloatArray, Layer, Network, S4DKernel


def mode_saliency(network: Network, inputs: ArrayLike) -> list[FloatArray]:
    """Return each layer's saliencies (H, M), which sum to one over the modes of a channel.

    Parameters
    ----------
    network : Network
    inputs : array (B, L, d_in)
        Calibration sequences.

    Raises
    ------
    InputError
        No sequence, or a shape that the network does not take.
    """
    x = np.asarray(inputs)
    if x.ndim != 3 or x.shape[0] == 0 or x.shape[2] != network.inputs:
        raise InputError(
            f"saliencies need sequences (batch, steps, {network.inputs}); found shape {x.shape}"
        )
    found: dict[int, FloatArray] = {}

    def capture(name: str, values: FloatArray) -> None:
        if name.endswith(".kernel_input"):
            index = int(name.split(".")[0].removeprefix("layer"))
            kernel = network.layers[index].kernel
            found[index] = _energies(kernel, network, np.asarray(values))

    forward(network, x, capture=capture)
    energies = [found[i] for i in range(len(network.layers))]
    return [_shares(energy) for energy in energies]


def _shares(energy: FloatArray) -> FloatArray:
    total = energy.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, energy / np.where(total > 0, total, 1.0), 0.0))


def _energies(kernel: S4DKernel, network: Network, u: FloatArray) -> FloatArray:
    """Return the mean squared contributions (H, M) of the modes, both directions added."""
    a, b = discretise(kernel, network.discretisation)
    directions: list[tuple[NDArray[np.complex128], FloatArray]] = [(kernel.C, u)]
    if kernel.C_reverse is not None:
        directions.append((kernel.C_reverse, u[:, ::-1]))
    energy = np.zeros(a.shape)
    for c, source in directions:
        x = np.zeros((source.shape[0], *a.shape), dtype=np.complex128)
        for k in range(source.shape[1]):
            x = a * x + b * source[:, k, :, None]
            energy += ((2 * (c * x).real) ** 2).mean(axis=0)
    return np.asarray(energy / u.shape[1])


def prune_modes(network: Network, modes: int, saliency: list[FloatArray]) -> Network:
    """Return the network with the most salient ``modes`` of every channel, in their old order.

    Parameters
    ----------
    network : Network
    modes : int
        M of the result, so that its real state size is N = 2 M.
    saliency : list of array (H, M)
        From `mode_saliency`.

    Raises
    ------
    InputError
        There are fewer modes than are to stay, or none is to stay.
    """
    if not 1 <= modes <= network.modes:
        raise InputError(
            f"cannot keep {modes} of {network.modes} modes: give 1 to {network.modes} "
            f"(real state sizes 2 to {2 * network.modes})"
        )

    def pruned(layer: Layer, importance: FloatArray) -> Layer:
        keep = np.sort(np.argsort(-importance, axis=1, kind="stable")[:, :modes], axis=1)
        kernel = layer.kernel

        def taken(array: NDArray[np.generic] | None) -> NDArray[np.generic] | None:
            return None if array is None else np.take_along_axis(array, keep, axis=1)

        names = ("log_A_real", "A_imag", "C", "B", "C_reverse")
        return replace(
            layer,
            kernel=replace(kernel, **{name: taken(getattr(kernel, name)) for name in names}),  # type: ignore[arg-type]
        )

    layers = zip(network.layers, saliency, strict=True)
    return replace(network, layers=tuple(pruned(*pair) for pair in layers))
