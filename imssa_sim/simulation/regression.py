"""How near the values of executions come to the targets: mean squared error and R².

R² is one less the squared errors over the squared deviations of the targets from their mean, of all
sequences (and steps) together; of several outputs the mean of theirs. Both 95 % intervals are those
of the percentile bootstrap over sequences (Efron, Tibshirani, An Introduction to the Bootstrap,
1993, chapter 13): sequences are drawn with replacement, with all of their steps; the chips stay.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    FloatArray = NDArray[np.float64]
    Scores = tuple[FloatArray, FloatArray]  # MSE and R² (draws, outputs)

DRAWS = 2000
"""Of the bootstrap: the least that Efron and Tibshirani (section 14.2) recommend is 1,000."""
_SEED = 0  # of the draws: an interval is a function of the values alone
_DRAWN_AT_ONCE = 1 << 22  # draws times sequences


@dataclass(frozen=True)
class Estimate:
    """A measure of all sequences, with the bounds of its 95 % interval; not a number: none."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Goodness:
    """How near one execution, or the mean of several, comes to the targets.

    Attributes
    ----------
    mse : Estimate
        Mean squared error, of several outputs their mean [square of the targets' unit].
    r2 : Estimate
        Coefficient of determination; not a number where the targets of an output are all equal.
    mse_of, r2_of : tuple of float
        Of each output.
    """

    mse: Estimate
    r2: Estimate
    mse_of: tuple[float, ...]
    r2_of: tuple[float, ...]

    @property
    def rmse(self) -> Estimate:
        """Root of the mean squared error [unit of the targets]."""
        found = self.mse
        return Estimate(math.sqrt(found.value), math.sqrt(found.low), math.sqrt(found.high))


@dataclass(frozen=True)
class Regression:
    """What executions made of ``samples`` test sequences with targets.

    Attributes
    ----------
    samples, analog_samples : int
        Sequences, and how many of them each chip instance was given: the same ones if
        ``analog_alike``.
    outputs : int
        Values of a target.
    steps : int
        Most targets of a sequence, 1 where there is one for all of it.
    targets : int
        Of all sequences.
    spread_of : tuple of float
        Root mean square deviation of each output's targets from their mean: what always giving the
        mean leaves.
    float_, digital : Goodness or None
    chips : tuple of Goodness
        Of each chip instance on its own sequences.
    analog : Goodness or None
        Mean over the chip instances.
    """

    samples: int
    analog_samples: int
    outputs: int
    steps: int
    targets: int
    spread_of: tuple[float, ...]
    float_: Goodness | None
    digital: Goodness | None
    chips: tuple[Goodness, ...]
    analog: Goodness | None
    analog_alike: bool = True

    @property
    def spread(self) -> float:
        """Root of the mean square of `spread_of`."""
        return math.sqrt(statistics.fmean(spread**2 for spread in self.spread_of))

    def deviation(self, measure: str) -> float | None:
        """Return the sample standard deviation of ``r2``, ``mse`` or ``rmse`` over the chips."""
        if len(self.chips) < 2:
            return None
        values: list[float] = [getattr(chip, measure).value for chip in self.chips]
        return statistics.stdev(values)


@dataclass(frozen=True)
class _Sums:
    """Of each sequence and output (n, K): squared errors, targets, their squares; counts (n,)."""

    errors: FloatArray
    targets: FloatArray
    squares: FloatArray
    counts: FloatArray

    def scores(self, weights: FloatArray) -> Scores:
        """Return MSE and R² (B, K) of sequences taken ``weights`` (B, n) times each."""
        errors, targets, squares = (
            weights @ part for part in (self.errors, self.targets, self.squares)
        )
        counts = (weights @ self.counts)[:, None]
        with np.errstate(divide="ignore", invalid="ignore"):
            deviations = squares - targets**2 / counts
            scores = 1 - errors / np.where(deviations > 0, deviations, np.nan)
            return errors / counts, scores


def regression_of(
    targets: FloatArray,
    values: Mapping[str, FloatArray],
    given: Mapping[str, NDArray[np.bool_]],
    true: NDArray[np.bool_] | None = None,
) -> Regression:
    """Compare values with targets.

    Parameters
    ----------
    targets : array (n, T, K)
        T = 1 where there is one for the whole of a sequence.
    values : mapping of arrays (n, T, K)
        By execution: ``float``, ``digital``, ``chip0``, …
    given : mapping of bool arrays (n,)
        Which sequences an execution was given; those without an entry all of them.
    true : bool array (n, T), optional
        Which targets count; the others are padding.
    """
    n, steps, outputs = targets.shape
    counted = np.ones((n, steps), dtype=bool) if true is None else true
    mean = targets[counted].mean(axis=0)

    def sums(name: str) -> _Sums:
        mask = counted & given.get(name, np.ones(n, dtype=bool))[:, None]
        kept = mask[..., None]
        centred = np.where(kept, targets - mean, 0.0)
        errors = np.where(kept, values[name] - targets, 0.0)
        return _Sums(
            np.square(errors).sum(axis=1), centred.sum(axis=1), np.square(centred).sum(axis=1),
            mask.sum(axis=1, dtype=np.float64),
        )  # fmt: skip

    whole = {name: sums(name) for name in values}
    drawn = _bootstrap(whole, n)

    def together(names: Sequence[str]) -> Goodness | None:
        if not names:
            return None
        each = [whole[name].scores(np.ones((1, n))) for name in names]
        return _goodness(each, [drawn[name] for name in names])

    chips = [name for name in values if name.startswith("chip")]
    alone = [found for name in chips if (found := together([name])) is not None]
    masks = np.array([given.get(name, np.ones(n, dtype=bool)) for name in chips])
    return Regression(
        samples=n,
        analog_samples=int(masks[0].sum()) if chips else 0,
        outputs=outputs,
        steps=int(counted.sum(axis=1).max()),
        targets=int(counted.sum()),
        spread_of=tuple(np.sqrt(np.square(targets - mean)[counted].mean(axis=0)).tolist()),
        float_=together([name for name in values if name == "float"]),
        digital=together([name for name in values if name == "digital"]),
        chips=tuple(alone),
        analog=together(chips),
        analog_alike=bool(np.all(masks == masks[:1])),
    )


def at_each_step(
    targets: FloatArray, values: Mapping[str, FloatArray]
) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Return targets and values (n, T, K), of results that are one a sequence or one a step.

    The target of a whole sequence is that of each of its steps.
    """
    apart = {name: v.reshape(len(v), -1, v.shape[-1]) for name, v in values.items()}
    held = targets.reshape(len(targets), -1, targets.shape[-1])
    steps = max((v.shape[1] for v in apart.values()), default=1)
    return np.broadcast_to(held, (len(held), steps, held.shape[-1])), apart


def table_of(
    targets: FloatArray,
    values: Mapping[str, FloatArray],
    given: Mapping[str, NDArray[np.bool_]],
    numbers: NDArray[np.int64],
    true: NDArray[np.bool_] | None = None,
) -> dict[str, NDArray[Any]]:
    """Return one row a target, as columns.

    ``sequence`` is its number in the test part; ``step`` and ``output`` are there where there are
    several. Arguments as those of `regression_of`; a chip that was not given a sequence has no
    number.
    """
    n, steps, outputs = targets.shape
    counted = np.ones((n, steps), dtype=bool) if true is None else true
    at = np.argwhere(np.broadcast_to(counted[..., None], targets.shape))
    columns: dict[str, NDArray[Any]] = {"sequence": numbers[at[:, 0]]}
    if steps > 1:
        columns["step"] = at[:, 1]
    if outputs > 1:
        columns["output"] = at[:, 2]
    place = tuple(at.T)
    columns["targets"] = targets[place]
    for name, found in values.items():
        ran = given[name][at[:, 0]] if name in given else True
        columns[name] = np.where(ran, found[place], np.nan)
    return columns


def _goodness(whole: Sequence[Scores], drawn: Sequence[Scores]) -> Goodness:
    """Return the mean over executions, and its interval over sequences."""
    mse, r2 = (np.mean([scores[kind][0] for scores in whole], axis=0) for kind in (0, 1))

    def estimate(kind: int, value: float) -> Estimate:
        found = np.mean([scores[kind].mean(axis=1) for scores in drawn], axis=0)
        found = found[np.isfinite(found)]  # a draw may hold no target, or equal ones alone
        if not found.size:
            return Estimate(value, math.nan, math.nan)
        low, high = np.quantile(found, (0.025, 0.975))
        return Estimate(value, float(low), float(high))

    return Goodness(
        estimate(0, float(mse.mean())), estimate(1, float(r2.mean())),
        tuple(map(float, mse)), tuple(map(float, r2)),
    )  # fmt: skip


def _bootstrap(whole: Mapping[str, _Sums], n: int) -> dict[str, Scores]:
    """Return the scores of all executions in the same draws of ``n`` sequences."""
    generator = np.random.Generator(np.random.PCG64(_SEED))
    size, shares = max(1, _DRAWN_AT_ONCE // n), np.full(n, 1 / n)
    found: dict[str, list[Scores]] = {name: [] for name in whole}
    for start in range(0, DRAWS, size):
        weights = generator.multinomial(n, shares, size=min(size, DRAWS - start)).astype(np.float64)
        for name, sums in whole.items():
            found[name].append(sums.scores(weights))
    return {
        name: (np.concatenate([mse for mse, _ in parts]), np.concatenate([r2 for _, r2 in parts]))
        for name, parts in found.items()
    }
