"""Weights of kernels as gains from code to code, differentiable in the network's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from imssa_sim.training.recurrence import Gains, gains_of
from imssa_sim.training.straight_through import held_at

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from imssa_sim.ssm.kept import KeptModes
    from imssa_sim.ssm.quantised import QuantisedKernel
    from imssa_sim.training.torch_network import LayerModule


def kernel_gains(
    kernel: QuantisedKernel,
    block: LayerModule,
    kept: KeptModes,
    scale: dict[str, Tensor],
    reverse: bool,
) -> Gains:
    """Return the gains of one direction, quantised in value, differentiable in the parameters.

    Parameters
    ----------
    kernel : QuantisedKernel
    block : LayerModule
    kept : KeptModes
        What was not pruned of the block's kernels.
    scale : dict of Tensor
        Of the layer's ranges, by their names.
    reverse : bool
    """
    place = (torch.from_numpy(kept.channels)[:, None], torch.from_numpy(kept.modes))
    state = scale["state_reverse" if reverse else "state"][place]
    log_a, b = (part[place] for part in block.kernel.discrete())
    a = torch.exp(log_a)
    c = block.kernel.output_weights()[reverse][place]
    d = block.D[place[0][:, 0]]
    d = torch.zeros_like(d) if reverse else d
    ahead = kernel.form.ahead and not reverse
    if ahead:
        d = d + 2 * (c * b).sum(dim=1).real
        c = c * a
    given = scale["kernel_input"][place[0][:, 0]]
    into = given[:, None] / state
    drive = 2.0**kernel.drive_shift  # codes of a state per code that drives
    out = 2 * drive * state / scale["kernel_output"]
    beyond = a - torch.from_numpy(kernel.centre).to(a.dtype)
    exact = (
        beyond.real * drive,
        beyond.imag * drive,
        b.real * into,
        b.imag * into,
        c.real * out,
        -c.imag * out,
        d * (given / scale["kernel_output"]),
    )
    values: tuple[NDArray[Any], ...] = gains_of(kernel)
    return Gains(*(held_at(e, v) for e, v in zip(exact, values, strict=True)))
