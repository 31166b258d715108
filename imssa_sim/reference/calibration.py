"""Ranges of activations and recurrent states, from calibration data.

Activations stream through running histograms; recurrent states are run for every mode, their
peaks kept exactly and a regular subsample of them (`STATE_SAMPLES` per mode at most) for
percentiles and mean squared errors. Memory does not grow with the number of sequences.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from imssa_sim.errors import InputError
from imssa_sim.model.network import GATED, Layer, Network
from imssa_sim.model.ranges import LayerRanges, Ranges
from imssa_sim.quantisation.options import CalibrationOptions
from imssa_sim.quantisation.quantisers import (
    CLIPPING_RATIOS,
    FloatArray,
    RangeMethod,
    clipping_range,
    code_limit,
)
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.reference.forward import forward
from imssa_sim.ssm.evaluate import evaluator, iterate_states
from imssa_sim.ssm.interface import StateSpaceModel, mixes_channels
from imssa_sim.ssm.recurrence import ComplexArray, Recurrence
from imssa_sim.threads import ordered_map

CALIBRATION_TOKENS = 1 << 16
CALIBRATION_SEQUENCES = 16
"""Sequences are thinned out to so many tokens, but not below so many sequences."""
HISTOGRAM_BINS = 4096
HISTOGRAM_VALUES = 1 << 22
"""Values of one activation tensor that enter its histogram; more are thinned out regularly."""
STATE_SAMPLES = 2048
SAMPLE_BUDGET = 1 << 26
"""Float32 values kept for all state samples together (256 MiB)."""
CHANNEL_SHIFT = 3
"""Largest power of two by which a channel's input range lies below the tensor's."""
FLOORS = {"gelu": -4.0, "gelu_tanh": -4.0, "relu": 0.0}
"""Least arguments of activations that matter: below -4, GELU is -1.3e-4 or nearer to zero."""


@dataclass
class RunningHistogram:
    """Magnitudes of a tensor that arrives in parts; the range doubles when it must.

    Attributes
    ----------
    counts : array (HISTOGRAM_BINS,)
    reach : float
        Upper edge of the last bin, a power of two (0 before the first value).
    peak : float
        Largest magnitude, exact.
    """

    counts: NDArray[np.int64] = field(
        default_factory=lambda: np.zeros(HISTOGRAM_BINS, dtype=np.int64)
    )
    reach: float = 0.0
    peak: float = 0.0

    def add(self, values: NDArray[Any], stride: int = 1) -> None:
        """Add the magnitudes of ``values``; each ``stride``-th of them enters the counts."""
        from imssa_sim.reference.statistics import count_magnitudes

        largest = float(max(values.max(initial=0.0), -values.min(initial=0.0)))
        self.peak = max(self.peak, largest)
        if self.peak == 0.0:
            self.counts[0] += values.size
            return
        if self.reach == 0.0:
            self.reach = float(2.0 ** np.ceil(np.log2(self.peak)))
        while self.peak > self.reach:
            halved = self.counts.reshape(-1, 2).sum(axis=1)
            self.counts = np.concatenate([halved, np.zeros_like(halved)])
            self.reach *= 2.0
        count_magnitudes(values.reshape(-1), stride, HISTOGRAM_BINS / self.reach, self.counts)

    def range(self, method: RangeMethod, bits: int, percentile: float) -> float:
        """Return the clipping range; see `imssa_sim.quantisation.quantisers.clipping_range`."""
        if method == "max" or self.peak == 0.0:
            return self.peak
        width = self.reach / HISTOGRAM_BINS
        if method == "percentile":
            cumulated = np.cumsum(self.counts)
            index = int(np.searchsorted(cumulated, cumulated[-1] * percentile / 100.0))
            return float(min((index + 1) * width, self.peak))
        limit = code_limit(bits)
        centres = (np.arange(HISTOGRAM_BINS) + 0.5) * width
        steps = (self.peak * CLIPPING_RATIOS / limit)[:, None]
        error = (np.minimum(np.floor(centres / steps + 0.5), limit) * steps - centres) ** 2
        return float(self.peak * CLIPPING_RATIOS[int(np.argmin(error @ self.counts))])


@dataclass
class StateStatistics:
    """Magnitudes of the recurrent states of one layer and direction.

    Attributes
    ----------
    peaks : float32 array (H, M)
    samples : float32 array (H, S, 2, M)
        Real and imaginary parts at regular positions; S = 0 where only peaks are needed.
    stride : int
        Distance of two samples in positions (sequence times length plus step).
    seen : int
        Positions so far.
    """

    peaks: NDArray[np.float32]
    samples: NDArray[np.float32]
    stride: int
    seen: int = 0

    def add(self, recurrence: Recurrence, u: FloatArray) -> None:
        """Run the states of a recurrence, one block per channel, on inputs u (B, L, H)."""
        from imssa_sim.reference.statistics import run_states

        a, b, _ = recurrence.per_channel()
        reverse = recurrence.reverse
        a_re, a_im = a.real.astype(np.float32), a.imag.astype(np.float32)
        b_re, b_im = b.real.astype(np.float32), b.imag.astype(np.float32)
        drive = np.ascontiguousarray(u, dtype=np.float32)
        peaks, samples = self.peaks, self.samples
        run_states(a_re, a_im, b_re, b_im, drive, reverse, self.seen, self.stride, peaks, samples)
        self.seen += u.shape[0] * u.shape[1]

    def add_complex(self, values: ComplexArray) -> None:
        """Add values (B, L, M) of the modes of one state that all channels share."""
        parts = np.stack([values.real, values.imag], axis=2).reshape(-1, 2, values.shape[2])
        self.peaks[0] = np.maximum(self.peaks[0], np.abs(parts).max(axis=(0, 1)))
        if self.samples.shape[1]:
            places = np.arange(-self.seen % self.stride, len(parts), self.stride)
            self.samples[0, (self.seen + places) // self.stride] = parts[places]
        self.seen += len(parts)

    def ranges(self, options: CalibrationOptions, bits: int) -> FloatArray:
        """Return the clipping range of each mode's state, (H, M); Re and Im share it."""
        channels, modes = self.peaks.shape
        filled = self.samples[:, : -(-self.seen // self.stride)]
        whole = options.granularity.state == "tensor"
        blocks = [slice(0, channels)] if whole else [slice(h, h + 1) for h in range(channels)]

        def of_block(block: slice) -> FloatArray:
            groups = modes if options.granularity.state == "mode" else 1
            largest = self.peaks[block].reshape(groups, -1).max(axis=1).astype(np.float64)
            values = np.ascontiguousarray(filled[block].transpose(0, 3, 1, 2)).reshape(groups, -1)
            return _clipped(values, largest, options, bits)

        found = np.stack(list(ordered_map(of_block, blocks)))
        return np.array(np.broadcast_to(found, (channels, modes)))


def _kernels(network: Network) -> list[StateSpaceModel]:
    return [layer.kernel for layer in network.layers]


def _clipped(
    values: NDArray[np.float32], largest: FloatArray, options: CalibrationOptions, bits: int
) -> FloatArray:
    """Return the clipping range of each group of values (G, n) with its peak (G,)."""
    from imssa_sim.reference.statistics import least_error_ranges

    if options.activations == "max":
        return largest
    if options.activations == "percentile":
        return clipping_range(values, "percentile", bits, options.percentile)
    found = np.empty(len(values))
    least_error_ranges(values, largest, CLIPPING_RATIOS, code_limit(bits), found)
    return found


class _Collector:
    """Receives the arrays of a forward pass and keeps histograms and state statistics."""

    def __init__(self, network: Network, options: CalibrationOptions, positions: int):
        self.network = network
        self.options = options
        self.histograms: dict[str, RunningHistogram] = {}
        self.peaks: dict[str, FloatArray] = {}
        made = network.composition
        self.floor = None if made.mixing == "half_glu2" else FLOORS.get(made.activation)
        self.mixed = "function"
        if made.mixing in GATED:  # products become codes before a norm alone
            self.mixed = "glu" if network.rounds_products else ""
        self.tokens = positions
        directions = 2 if network.bidirectional else 1
        states = directions * sum(k.channels * k.modes for k in _kernels(network))
        count = min(STATE_SAMPLES, max(64, SAMPLE_BUDGET // (2 * states)), positions)
        if options.activations == "max":
            count = 0
        # An odd stride meets all phases of sequences whose length is a power of two.
        stride = (-(-positions // count) | 1) if count else positions + 1
        self.states = {
            (index, reverse): StateStatistics(
                np.zeros(kernel.alive.shape, dtype=np.float32),
                np.zeros((len(kernel.alive), count, 2, kernel.modes), dtype=np.float32),
                stride,
            )
            for index, kernel in enumerate(_kernels(network))
            for reverse in (False, True)[:directions]
        }
        self.increments = {
            index: StateStatistics(
                np.zeros(kernel.alive.shape, dtype=np.float32),
                np.zeros((1, count, 2, kernel.modes), dtype=np.float32),
                stride,
            )
            for index, kernel in enumerate(_kernels(network))
            if mixes_channels(kernel)
        }

    def note(self, name: str, values: NDArray[Any]) -> None:
        stride = max(1, self.tokens * values.shape[-1] // HISTOGRAM_VALUES) | 1
        self.histograms.setdefault(name, RunningHistogram()).add(values, stride)

    def __call__(self, name: str, values: FloatArray) -> None:
        if name in ("input", "final", "pooled"):
            self.note(name, values)
            return
        path, kind = name.split(".")
        index = int(path.removeprefix("layer"))
        layer = self.network.layers[index]
        if kind == "kernel_input":
            self.note(name, values)
            largest = np.maximum(values.max(axis=(0, 1)), -values.min(axis=(0, 1)))
            largest = largest.astype(np.float64)
            self.peaks[name] = np.maximum(self.peaks.get(name, 0.0), largest)
            self._states(index, layer, values)
        elif kind == "kernel_output":
            self.note(name, self._needed(values))
        elif kind == "linear":
            for part, taken in self._parts(values).items():
                self.note(f"{path}.{part}", taken)
        elif kind in ("residual", "gelu"):
            self.note(name, values)
        elif kind == self.mixed:
            self.note(f"{path}.mixed", values)

    def _parts(self, values: Any) -> dict[str, Any]:
        """Return values and gates that a mixing map gives."""
        mixing, half = self.network.composition.mixing, values.shape[-1] // 2
        if mixing == "glu":
            return {"value": values[..., :half], "gate": values[..., half:]}
        return {"gate" if mixing in GATED else "value": values}

    def _needed(self, values: Any) -> Any:
        """Return kernels' outputs as far as the activation tells them from each other."""
        return values if self.floor is None else np.maximum(values, self.floor)

    def _states(self, index: int, layer: Layer, u: FloatArray) -> None:
        directions = layer.kernel.recurrences(self.network.discretisation)
        if index in self.increments:
            self._dense(index, directions, u)
            return
        for recurrence in directions:
            self.states[index, recurrence.reverse].add(recurrence, u)
        if len(directions) > 1:
            # The directions are quantised before they are summed, so each must fit by itself.
            both, alone = (
                evaluator(directions[:count], u.shape[1], "convolution", u.dtype)(u)
                + u * layer.kernel.feedthrough
                for count in (2, 1)
            )
            self.note(f"layer{index}.causal", self._needed(alone))
            self.note(f"layer{index}.anticausal", self._needed(both - alone))

    def _dense(self, index: int, directions: tuple[Recurrence, ...], u: FloatArray) -> None:
        """Run one state for all channels; what C and D give is quantised before it is summed."""
        self.increments[index].add_complex(u @ directions[0].b[0].T)
        out = np.zeros_like(u)
        for recurrence in directions:
            for _, states in iterate_states(recurrence, u):
                self.states[index, recurrence.reverse].add_complex(states)
                out += (states @ recurrence.c[0].T).real
        self.note(f"layer{index}.states_out", out)
        self.note(f"layer{index}.through", u * directions[0].d)

    def input_range(self, path: str, bits: int) -> float | FloatArray:
        """Return the range of a layer's kernel inputs, (C,) with one for each channel."""
        name = f"{path}.kernel_input"
        whole = self.range(name, bits)
        if self.options.granularity.kernel_input == "tensor":
            return whole
        peaks = self.peaks[name]
        if whole == 0.0:
            return np.zeros(peaks.size)
        # Copies of the stream share the range of the channel that they copy.
        shared = peaks.reshape(-1, self.network.width).max(axis=0)
        room = whole / np.maximum(shared, whole * 2.0**-CHANNEL_SHIFT)
        shift = np.floor(np.log2(np.maximum(room, 1.0)) + 1e-9).astype(np.int64)
        return np.asarray(np.ldexp(whole, -np.tile(shift, peaks.size // self.network.width)))

    def range(self, name: str, bits: int) -> float:
        """Return the range of a tensor; 0 of one that the network does not have."""
        method = self.options.activations
        if name not in self.histograms:
            return 0.0
        return self.histograms[name].range(method, bits, self.options.percentile)


def calibrate(
    network: Network,
    inputs: ArrayLike,
    bits: BitWidths,
    options: CalibrationOptions,
    lengths: ArrayLike | None = None,
) -> Ranges:
    """Return the ranges of all activations and states over calibration sequences.

    Where the sequences hold more than `CALIBRATION_TOKENS` tokens, a regular subset of them is
    run, at least `CALIBRATION_SEQUENCES`.

    Parameters
    ----------
    network : Network
    inputs : array (B, L, d_in)
    bits : BitWidths
        Matters to the ranges of least mean squared error.
    options : CalibrationOptions
    lengths : int array (B,), optional
        Steps of each sequence; padding behind them enters nothing.

    Raises
    ------
    InputError
        No sequence, values that are not finite, or a shape that the network does not take.
    """
    x = np.asarray(inputs)
    if x.ndim != 3 or x.shape[0] == 0 or not np.all(np.isfinite(x)):
        raise InputError(
            f"calibration needs at least one sequence (batch, steps, inputs) of finite values; "
            f"found shape {x.shape}"
        )
    count = max(CALIBRATION_TOKENS // max(1, x.shape[1]), CALIBRATION_SEQUENCES)
    if count < x.shape[0]:
        chosen = np.arange(count) * x.shape[0] // count
        x, lengths = x[chosen], None if lengths is None else np.asarray(lengths)[chosen]
    positions = x.shape[0] * x.shape[1] if lengths is None else int(np.sum(lengths))
    collector = _Collector(network, options, positions)
    forward(network, x, capture=collector, lengths=lengths)
    return _ranges(network, collector, bits, options)


def _ranges(
    network: Network, collector: _Collector, bits: BitWidths, options: CalibrationOptions
) -> Ranges:
    def of_layer(index: int, layer: Layer) -> LayerRanges:
        path, own = f"layer{index}", bits.of_layer(index)
        outputs = [f"{path}.kernel_output"]
        reverse = layer.kernel.sizes.bidirectional
        dense = collector.increments.get(index)
        if dense is not None:
            outputs += [f"{path}.states_out", f"{path}.through"]
        elif reverse:
            outputs += [f"{path}.causal", f"{path}.anticausal"]
        return LayerRanges(
            residual=collector.range(f"{path}.residual", bits.activations),
            kernel_input=collector.input_range(path, own.kernel_input),
            kernel_output=max(collector.range(name, own.kernel_output) for name in outputs),
            gelu=collector.range(f"{path}.gelu", own.activations),
            value=collector.range(f"{path}.value", own.activations),
            gate=collector.range(f"{path}.gate", own.activations),
            state=collector.states[index, False].ranges(options, own.state),
            state_reverse=(
                collector.states[index, True].ranges(options, own.state) if reverse else None
            ),
            mixed=collector.range(f"{path}.mixed", own.activations),
            increment=None if dense is None else dense.ranges(options, own.kernel_output)[0],
        )

    return Ranges(
        input=collector.range("input", bits.activations),
        layers=tuple(of_layer(i, layer) for i, layer in enumerate(network.layers)),
        final=collector.range("final", bits.activations),
        pooled=collector.range("pooled", bits.activations),
    )
