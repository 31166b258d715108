"""The recurrent kernel in CrossSim and aihwkit, each in its own fastest form, for `kernels.py`.

Both are optional: a peer that cannot be imported is skipped with a message. CrossSim is run from a
checkout (``PYTHONPATH=cross-sim``), aihwkit from its wheel. They hold one tile per object and have
no recurrence, so every step calls every tile, and the codes are requantised outside, for all tiles
at once. Converters of 8 bits, read noise on, everything else off:

- CrossSim 3.2, `AnalogCore`: balanced pairs of cells, noise proportional to the conductance, drawn
  for each cell, read and vector (``matmat`` draws it for each vector of a batch).
- aihwkit 1.1, C++ tile: constant noise of the cells, referred to the output, input and output
  quantisers, no noise or bound management. Called as a layer (`AnalogLinear`, its interface), and
  bare: the simulator inside it, without the layer's PyTorch around it.
- aihwkit, PyTorch tile (`TorchInferenceRPUConfig`), called bare: it has no noise of the cells, so
  noise of the output stands in its place.

Measured with aihwkit's wheel and the PyTorch release that it was built for (2.10): with 2.13 its
compiled part refuses tensors, with 2.9 it does not load.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

LIMIT = 127
Runner = Callable[[], object]


def _requantised(sums: np.ndarray, scale: float) -> np.ndarray:
    return np.clip(np.floor(sums * scale + 0.5), -LIMIT, LIMIT)


def crosssim(weights: np.ndarray, codes: np.ndarray, steps: int) -> Runner | None:
    """Tiles (T, N, N) over the first steps of codes (B, L, T)."""
    try:
        from simulator import AnalogCore, CrossSimParameters
    except ImportError:
        return None
    parameters = CrossSimParameters()
    noise = parameters.xbar.device.read_noise
    noise.enable, noise.model, noise.magnitude = True, "NormalProportionalDevice", 0.02
    converters = (parameters.xbar.dac.mvm, parameters.xbar.adc.mvm)
    for converter in converters:
        converter.bits = 8
    parameters.xbar.dac.mvm.model = "QuantizerDAC"
    parameters.xbar.adc.mvm.model = "QuantizerADC"
    parameters.xbar.adc.mvm.adc_range_option = "MAX"
    tiles, size = weights.shape[:2]
    cores = [AnalogCore(w.T, params=parameters) for w in weights.astype(np.float64)]
    batch = codes.shape[0]

    def run() -> None:
        v = np.zeros((tiles, size, batch))
        sums = np.empty_like(v)
        for k in range(steps):
            v[:, -1] = codes[:, k].T
            for t, core in enumerate(cores):
                if batch == 1:
                    sums[t, :, 0] = core.matvec(v[t, :, 0] / LIMIT)
                else:
                    sums[t] = core.matmat(v[t] / LIMIT)
            v[:, :-1] = _requantised(sums[:, :-1], 0.02 * LIMIT)

    return run


def _quantised(forward: Any) -> None:
    """Set 8-bit converters, and leave out what the crossbar kernel does not have either."""
    from aihwkit.simulator.configs import BoundManagementType, NoiseManagementType

    forward.inp_res = forward.out_res = 1 / (2 * LIMIT)
    forward.bound_management = BoundManagementType.NONE
    forward.noise_management = NoiseManagementType.NONE
    forward.out_noise = 0.0


def _aihwkit_runner(
    layers: list[Any], tiles: list[Any], weights: np.ndarray, codes: np.ndarray, steps: int
) -> Runner:
    import torch

    largest = float(np.abs(weights).max())
    size, batch = weights.shape[1], codes.shape[0]
    for layer, cells in zip(layers, weights, strict=True):
        layer.set_weights(torch.from_numpy((cells.T / largest).astype(np.float32)))
    inputs = torch.from_numpy(np.ascontiguousarray(codes.transpose(1, 2, 0)) / np.float32(LIMIT))

    def run() -> None:
        v = torch.zeros(len(tiles), batch, size)
        sums = torch.empty_like(v)
        with torch.no_grad():
            for k in range(steps):
                v[:, :, -1] = inputs[k]
                for t, tile in enumerate(tiles):
                    sums[t] = tile(v[t])
                code = torch.floor(sums[:, :, :-1] * (0.02 * largest * LIMIT) + 0.5)
                v[:, :, :-1] = code.clamp_(-LIMIT, LIMIT) / LIMIT

    return run


def _compiled_layers(weights: np.ndarray) -> list[Any] | None:
    try:
        from aihwkit.nn import AnalogLinear
        from aihwkit.simulator.configs import InferenceRPUConfig, WeightNoiseType
    except ImportError:
        return None
    config = InferenceRPUConfig()
    _quantised(config.forward)
    config.forward.w_noise_type = WeightNoiseType.ADDITIVE_CONSTANT
    config.forward.w_noise = 0.02
    size = weights.shape[1]
    return [AnalogLinear(size, size, bias=False, rpu_config=config).eval() for _ in weights]


def aihwkit_layer(weights: np.ndarray, codes: np.ndarray, steps: int) -> Runner | None:
    """As `crosssim`, on aihwkit's layers of one C++ tile each."""
    layers = _compiled_layers(weights)
    return layers and _aihwkit_runner(layers, layers, weights, codes, steps)


def aihwkit_bare(weights: np.ndarray, codes: np.ndarray, steps: int) -> Runner | None:
    """As `crosssim`, on aihwkit's C++ tiles themselves."""
    layers = _compiled_layers(weights)
    if layers is None:
        return None
    tiles = [layer.analog_module.tile for layer in layers]
    calls = [lambda x, tile=tile: tile.forward(x, False, False, False, True) for tile in tiles]
    return _aihwkit_runner(layers, calls, weights, codes, steps)


def aihwkit_torch(weights: np.ndarray, codes: np.ndarray, steps: int) -> Runner | None:
    """As `crosssim`, on aihwkit's PyTorch tiles."""
    try:
        from aihwkit.nn import AnalogLinear
        from aihwkit.simulator.configs import TorchInferenceRPUConfig
    except ImportError:
        return None
    config = TorchInferenceRPUConfig()
    _quantised(config.forward)
    config.forward.out_noise = 0.02
    size = weights.shape[1]
    layers = [AnalogLinear(size, size, bias=False, rpu_config=config).eval() for _ in weights]
    calls = [layer.analog_module.tile.forward for layer in layers]
    return _aihwkit_runner(layers, calls, weights, codes, steps)


PEERS = {
    "CrossSim": crosssim,
    "aihwkit, layer": aihwkit_layer,
    "aihwkit, C++ tile": aihwkit_bare,
    "aihwkit, PyTorch tile": aihwkit_torch,
}
"""By name: (weights, codes, steps) -> a call that runs them, None where it is not installed."""
