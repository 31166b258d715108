import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.signal import ShortTimeFFT
from scipy.signal.windows import hann

from imssa_sim.config.schema import DataConfig, MelConfig
from imssa_sim.data.log_mel import FLOOR_DB, LogMel
from imssa_sim.data.speech_commands import log_mel_of
from imssa_sim.errors import InputError

RATE = 16_000
DEFAULT = log_mel_of(MelConfig())


def reference(samples: np.ndarray, mel: LogMel) -> np.ndarray:
    """Unrounded levels by SciPy's short-time transform and a plain loop over the triangles."""
    window = hann(mel.window, sym=False)
    transform = ShortTimeFFT(window, mel.hop, mel.rate, mfft=mel.points, scale_to=None)
    # SciPy centres its first window at sample 0, the frames here begin (window - hop)/2 before it.
    shift = mel.window // 2 - (mel.window - mel.hop) // 2
    moved = np.concatenate([samples[shift:], np.zeros(2 * mel.window)])
    count = len(samples) // mel.hop
    found = transform.spectrogram(moved, p0=0, p1=count) / np.sum(window**2)
    edge = [
        700 * (10 ** (m / 2595) - 1)
        for m in np.linspace(
            2595 * np.log10(1 + mel.low / 700), 2595 * np.log10(1 + mel.high / 700), mel.bands + 2
        )
    ]
    power = np.zeros((count, mel.bands))
    for k, f in enumerate(transform.f):
        for b in range(mel.bands):
            if edge[b] < f <= edge[b + 1]:
                power[:, b] += found[k] * (f - edge[b]) / (edge[b + 1] - edge[b])
            elif edge[b + 1] < f < edge[b + 2]:
                power[:, b] += found[k] * (edge[b + 2] - f) / (edge[b + 2] - edge[b + 1])
    return 10 * np.log10(np.maximum(power, 1e-300))


@pytest.mark.parametrize("mel", [DEFAULT, LogMel(RATE, 40, 640, 320, 20.0, 8000.0)])
def test_frames_agree_with_scipy(mel: LogMel) -> None:
    # Zeros before the sound, because SciPy's first window sees nothing left of sample 0.
    sound = np.random.default_rng(1).normal(scale=0.1, size=RATE) * np.linspace(0.01, 1, RATE)
    sound[: mel.window] = 0
    found, expected = mel.frames(sound), reference(sound, mel)
    assert found.shape == expected.shape == (RATE // mel.hop, mel.bands)
    heard = expected > FLOOR_DB
    assert heard.mean() > 0.9
    np.testing.assert_allclose(found[heard], expected[heard], atol=0.5 + 1e-6)


def test_silence_is_at_the_floor() -> None:
    assert (DEFAULT.frames(np.zeros(RATE)) == FLOOR_DB).all()


@given(frequency=st.floats(120, 7000), level=st.floats(-60, 0))
def test_a_tone_is_loudest_in_its_band_and_follows_its_level(
    frequency: float, level: float
) -> None:
    tone = np.sin(2 * np.pi * frequency * np.arange(RATE) / RATE)
    loud = DEFAULT.frames(tone)[50].astype(int)
    quiet = DEFAULT.frames(tone * 10 ** (level / 20))[50].astype(int)
    band = int(loud.argmax())
    assert abs(quiet[band] - loud[band] - level) <= 1
    bins = np.flatnonzero(DEFAULT.weights[:, band]) * RATE / DEFAULT.points
    assert bins[0] - RATE / DEFAULT.points <= frequency <= bins[-1] + RATE / DEFAULT.points


def test_white_noise_has_its_variance_in_every_bin() -> None:
    # Variance v, window normalised by its energy: each bin's mean is v, a band's v times its width.
    noise = np.random.default_rng(0).normal(scale=0.1, size=40 * RATE)
    level = DEFAULT.frames(noise).astype(float)
    mean = 10 * np.log10(np.mean(10 ** (level[10:-10] / 10), axis=0))
    np.testing.assert_allclose(mean, -20 + 10 * np.log10(DEFAULT.weights.sum(axis=0)), atol=0.3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"window": "25.01 ms"}, "whole number"),
        ({"hop": "30 ms"}, "hop must not exceed window"),
        ({"low": "8 kHz"}, "low must be below high"),
        ({"high": "9 kHz"}, "at most 8000 Hz"),
        ({"bands": 100, "window": "10 ms"}, "hold no frequency"),
    ],
)
def test_impossible_frames_are_refused(given: dict[str, object], message: str) -> None:
    mel = DataConfig.model_validate({"name": "keywords", "mel": given}).mel
    with pytest.raises(InputError, match=message):
        log_mel_of(mel)
