"""Compiled loops of the calibration: histograms, recurrent states and their ranges.

Not part of inference. They release the interpreter's lock, so that several run side by side; Numba
is imported with this module, so import it where it is used.
"""

from __future__ import annotations

import numpy as np

from imssa_sim.compiled.decorator import compiled_loop


@compiled_loop(nogil=True)
def count_magnitudes(values, stride, bins_per_unit, counts):  # type: ignore[no-untyped-def]
    """Count the magnitude of each ``stride``-th of ``values`` (n,).

    It goes to bin ``floor(|v| * bins_per_unit)`` of ``counts``, at most to the last.
    """
    last = counts.shape[0] - 1
    for i in range(0, values.shape[0], stride):
        counts[min(np.int64(abs(values[i]) * bins_per_unit), last)] += 1


@compiled_loop(nogil=True, error_model="numpy")
def run_states(a_re, a_im, b_re, b_im, u, reverse, first, stride, peaks, samples):  # type: ignore[no-untyped-def]
    """Run ``x_k = A x_(k-1) + B u_k`` from rest and note the states' magnitudes.

    a_re … b_im (H, M) and u (B, L, H) float32. peaks (H, M) keeps the largest ``|Re x|`` or
    ``|Im x|``. The states at positions j (``first + b*L + step``) with ``j % stride == 0`` go to
    samples (H, S, 2, M) at index ``j // stride``, as far as S reaches.
    """
    batch, steps, channels = u.shape
    modes = a_re.shape[1]
    x_re = np.empty(modes, dtype=np.float32)
    x_im = np.empty(modes, dtype=np.float32)
    largest = np.empty(modes, dtype=np.float32)
    for h in range(channels):
        largest[:] = 0.0
        index = (first + stride - 1) // stride
        wait = index * stride - first  # positions until the next one that is kept
        for b in range(batch):
            x_re[:] = 0.0
            x_im[:] = 0.0
            for step in range(steps):
                drive = u[b, steps - 1 - step if reverse else step, h]
                for n in range(modes):
                    p, q = x_re[n], x_im[n]
                    re = a_re[h, n] * p - a_im[h, n] * q + b_re[h, n] * drive
                    im = a_im[h, n] * p + a_re[h, n] * q + b_im[h, n] * drive
                    x_re[n], x_im[n] = re, im
                    largest[n] = max(largest[n], max(abs(re), abs(im)))
                if wait == 0:
                    if index < samples.shape[1]:
                        samples[h, index, 0] = x_re
                        samples[h, index, 1] = x_im
                    index += 1
                    wait = stride
                wait -= 1
        for n in range(modes):
            peaks[h, n] = max(peaks[h, n], largest[n])


# Sums of squares may be reordered (vectorised); NaN and infinities keep their meaning.
@compiled_loop(nogil=True, error_model="numpy", fastmath={"reassoc", "contract"})
def least_error_ranges(samples, largest, ratios, limit, out):  # type: ignore[no-untyped-def]
    """Per group, the clipping range of least mean squared quantisation error.

    samples (G, n) float32, largest (G,), ratios (R,) candidates relative to ``largest``, limit the
    largest code, out (G,).
    """
    groups, count = samples.shape
    for g in range(groups):
        best = np.float32(np.inf)
        out[g] = largest[g]
        if largest[g] > 0:
            for ratio in ratios:
                step = np.float32(largest[g] * ratio / limit)
                inverse = np.float32(1.0) / step
                error = np.float32(0.0)
                for i in range(count):
                    value = abs(samples[g, i])
                    code = min(np.floor(value * inverse + np.float32(0.5)), np.float32(limit))
                    rest = code * step - value
                    error += rest * rest
                if error < best:
                    best = error
                    out[g] = largest[g] * ratio
