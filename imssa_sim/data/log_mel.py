"""Log-mel frames of sound: power in mel-spaced bands of short windows, in whole decibels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

FLOOR_DB = -90
"""Quieter bands count as this; below it is the rounding noise of 16-bit recordings."""
CEILING_DB = 37
"""Loudest that is kept, so that a frame's bands fit one byte."""


@dataclass(frozen=True)
class LogMel:
    """What the frames of a recording are.

    A frame is a periodic Hann window; frames are ``hop`` apart and centred in their hops, so that
    a recording of T samples, with zeros around it, has ``T // hop`` frames. The power of its
    discrete Fourier transform, divided by the window's energy, is summed in ``bands`` triangles of
    height one whose corners are equally spaced from ``low`` to ``high`` on the mel scale
    ``2595 log10(1 + f / 700)`` (O'Shaughnessy 1987, the scale of HTK; Young et al., "The HTK Book",
    section 5.4), and given as ``10 log10`` of the sum, rounded to whole decibels. Full scale is 1,
    so white noise of variance v has a density of v in every bin.

    Attributes
    ----------
    rate : int
        Samples per second [Hz].
    bands : int
    window, hop : int
        [samples]; ``hop`` is at most ``window``.
    low, high : float
        [Hz]
    """

    rate: int
    bands: int
    window: int
    hop: int
    low: float
    high: float

    @property
    def points(self) -> int:
        """Length of the Fourier transform: the power of two that holds a window."""
        return 1 << (self.window - 1).bit_length()

    @cached_property
    def weights(self) -> NDArray[np.float64]:
        """Weight of each frequency in each band, (points / 2 + 1, bands)."""
        corners = _hertz(np.linspace(_mel(self.low), _mel(self.high), self.bands + 2))
        frequency = np.arange(self.points // 2 + 1) * (self.rate / self.points)
        left, centre, right = corners[:-2], corners[1:-1], corners[2:]
        rising = (frequency[:, None] - left) / (centre - left)
        falling = (right - frequency[:, None]) / (right - centre)
        weights: NDArray[np.float64] = np.maximum(0, np.minimum(rising, falling))
        return weights

    @property
    def empty_bands(self) -> int:
        """Bands that no frequency of the transform falls into."""
        return int((self.weights.sum(axis=0) == 0).sum())

    def frames(self, samples: NDArray[np.float64]) -> NDArray[np.int8]:
        """Return the frames of a recording.

        Parameters
        ----------
        samples : float array (T,)
            Between -1 and 1.

        Returns
        -------
        int8 array (T // hop, bands)
            [dB], from `FLOOR_DB` to `CEILING_DB`.
        """
        count = len(samples) // self.hop
        before = (self.window - self.hop) // 2
        padded = np.zeros(max((count - 1) * self.hop + self.window, before + len(samples)))
        padded[before : before + len(samples)] = samples
        shape = np.hanning(self.window + 1)[:-1]
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.window)[:: self.hop][:count]
        spectrum = np.fft.rfft(windows * shape, self.points)
        power = (spectrum.real**2 + spectrum.imag**2) / np.sum(shape**2)
        level = 10 * np.log10(np.maximum(power @ self.weights, 10 ** (FLOOR_DB / 10)))
        whole: NDArray[np.int8] = np.clip(np.rint(level), FLOOR_DB, CEILING_DB).astype(np.int8)
        return whole


def _mel(frequency: float) -> float:
    return 2595 * math.log10(1 + frequency / 700)


def _hertz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    hertz: NDArray[np.float64] = 700 * (10 ** (mel / 2595) - 1)
    return hertz
