"""Structural pruning: whole modes and whole kernels go, and with them lines of crossbars.

Saliencies (docs/qat.md) are energies of contributions on calibration data. That of a mode is
``E[(2 Re(C_n x_n))²]`` over sequences and steps, as a share of the sum over the channel's modes:
the mean squared change of the kernel's output where modes are uncorrelated and one is left out.
That of a kernel is ``Var[g_h]·|w_h|²``, g_h its output behind GELU and w_h the column of the linear
map that takes it, as a share of the sum over the layer's kernels: the mean squared change of the
map's outputs where kernels are uncorrelated and one is replaced by the mean of what it gives, which
the map's bias takes over.

What was pruned is marked by zeros: C of a mode, C and D of a kernel (`imssa_sim.ssm.kept`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.model.network import Layer, Network
from imssa_sim.quantisation.quantisers import FloatArray
from imssa_sim.reference.forward import forward
from imssa_sim.ssm.interface import StateSpaceModel


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
    x = _checked(network, inputs)
    found: dict[int, FloatArray] = {}

    def capture(name: str, values: FloatArray) -> None:
        if name.endswith(".kernel_input"):
            index = int(name.split(".")[0].removeprefix("layer"))
            kernel = network.layers[index].kernel
            found[index] = _energies(kernel, network, np.asarray(values))

    forward(network, x, capture=capture)
    energies = [found[i] for i in range(len(network.layers))]
    return [_shares(energy) for energy in energies]


@dataclass(frozen=True)
class KernelSaliency:
    """What the kernels of one layer contribute.

    Attributes
    ----------
    shares : array (H,)
        Saliencies, which sum to one.
    means : array (H,)
        Mean output behind GELU.
    """

    shares: FloatArray
    means: FloatArray


def kernel_saliency(network: Network, inputs: ArrayLike) -> list[KernelSaliency]:
    """Return each layer's saliencies of whole kernels.

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
    x = _checked(network, inputs)
    sums = [np.zeros((2, network.width)) for _ in network.layers]

    def capture(name: str, values: FloatArray) -> None:
        if name.endswith(".gelu"):
            index = int(name.split(".")[0].removeprefix("layer"))
            sums[index] += [values.sum(axis=(0, 1)), np.square(values).sum(axis=(0, 1))]

    forward(network, x, capture=capture)
    count = x.shape[0] * x.shape[1]
    found = []
    for layer, (first, second) in zip(network.layers, sums, strict=True):
        mean = first / count
        variance = np.maximum(second / count - mean**2, 0.0)
        energy = variance * np.square(layer.weight).sum(axis=0)
        found.append(KernelSaliency(_shares(energy[None])[0], mean))
    return found


def _checked(network: Network, inputs: ArrayLike) -> NDArray[np.generic]:
    x = np.asarray(inputs)
    if x.ndim != 3 or x.shape[0] == 0 or x.shape[2] != network.inputs:
        raise InputError(
            f"saliencies need sequences (batch, steps, {network.inputs}); found shape {x.shape}"
        )
    return x


def _shares(energy: FloatArray) -> FloatArray:
    total = energy.sum(axis=1, keepdims=True)
    return np.asarray(np.where(total > 0, energy / np.where(total > 0, total, 1.0), 0.0))


def _energies(kernel: StateSpaceModel, network: Network, u: FloatArray) -> FloatArray:
    """Return the mean squared contributions (H, M) of the modes, both directions added."""
    energy = np.zeros(kernel.alive.shape)
    for recurrence in kernel.recurrences(network.discretisation):
        a, b, c = recurrence.per_channel()
        source = u[:, ::-1] if recurrence.reverse else u
        x = np.zeros((source.shape[0], *a.shape), dtype=np.complex128)
        for k in range(source.shape[1]):
            x = a * x + b * source[:, k, :, None]
            energy += ((c * x).real ** 2).mean(axis=0)
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
        return replace(layer, kernel=layer.kernel.with_modes(keep))

    layers = zip(network.layers, saliency, strict=True)
    return replace(network, layers=tuple(pruned(*pair) for pair in layers))


def prune_shares(
    network: Network, inputs: ArrayLike, kernels: float = 0.0, modes: float = 0.0
) -> Network:
    """Return the network without the least salient kernels, then modes, of all layers together.

    Every layer keeps a kernel, every kernel a mode. A mode's saliency is its share of its channel
    times the channel's share of its layer. The mean of what a pruned kernel gave goes into the
    bias of the linear map behind it.

    Parameters
    ----------
    network : Network
    inputs : array (B, L, d_in)
        Calibration sequences.
    kernels : float
        Share of all kernels (layers times H) that goes, in [0, 1).
    modes : float
        Share of the modes of the remaining kernels that goes, in [0, 1).

    Raises
    ------
    InputError
        A share is out of range, or `kernel_saliency` raises it.
    """
    for name, share in (("kernels", kernels), ("modes", modes)):
        if not 0 <= share < 1:
            raise InputError(f"the share of {name} to prune is {share:g}: give 0 or more, below 1")
    if kernels:
        network = _without_kernels(network, kernel_saliency(network, inputs), kernels)
    if modes:
        of_kernels = [entry.shares for entry in kernel_saliency(network, inputs)]
        network = _without_modes(network, mode_saliency(network, inputs), of_kernels, modes)
    return network


def _least(saliency: FloatArray, count: int, keep: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return a mask of the ``count`` smallest values, those in ``keep`` spared."""
    order = np.argsort(np.where(keep, np.inf, saliency), axis=None, kind="stable")
    order = order[: min(count, int((~keep).sum()))]
    chosen = np.zeros(saliency.size, dtype=np.bool_)
    chosen[order] = True
    return chosen.reshape(saliency.shape)


def _without_kernels(network: Network, found: list[KernelSaliency], share: float) -> Network:
    saliency = np.stack([entry.shares for entry in found])
    best = np.arange(network.width) == saliency.argmax(axis=1)[:, None]
    gone = _least(saliency, round(share * saliency.size), best)

    def pruned(layer: Layer, entry: KernelSaliency, out: NDArray[np.bool_]) -> Layer:
        silent = layer.kernel.silenced(np.zeros_like(layer.kernel.alive), out)
        constant = layer.weight[:, out] @ entry.means[out]
        return replace(layer, kernel=silent, bias=layer.bias + constant)

    parts = zip(network.layers, found, gone, strict=True)
    return replace(network, layers=tuple(pruned(*part) for part in parts))


def _without_modes(
    network: Network, of_modes: list[FloatArray], of_kernels: list[FloatArray], share: float
) -> Network:
    saliency = np.stack([m * k[:, None] for m, k in zip(of_modes, of_kernels, strict=True)])
    alive = np.stack([layer.kernel.alive for layer in network.layers])
    best = np.arange(network.modes) == np.where(alive, saliency, -1.0).argmax(axis=2)[..., None]
    gone = _least(saliency, round(share * int(alive.sum())), best | ~alive)

    def pruned(layer: Layer, out: NDArray[np.bool_]) -> Layer:
        silent = layer.kernel.silenced(out, np.zeros(network.width, dtype=np.bool_))
        return replace(layer, kernel=silent)

    return replace(network, layers=tuple(map(pruned, network.layers, gone)))
