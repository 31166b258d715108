"""One programmed chip instance of a workload."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

import numpy as np

from imssa_sim.api.progress import told_of
from imssa_sim.api.workload import load
from imssa_sim.errors import InputError
from imssa_sim.functional.analog import AnalogNetwork
from imssa_sim.simulation.checks import check_settings
from imssa_sim.simulation.inputs import prepare_inputs
from imssa_sim.simulation.quantisation import place
from imssa_sim.threads import use_threads

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from imssa_sim.api.workload import Settings, Workload
    from imssa_sim.config.schema import RunConfig
    from imssa_sim.simulation.inputs import Inputs
    from imssa_sim.simulation.progress import Progress

    FloatArray = NDArray[np.float64]


class Chip:
    """A programmed chip: call it on sequences, read its cells, let time pass, write it again.

    `imssa_sim.chip` makes one. It is never changed: `later` and `reprogram` return another.

    Attributes
    ----------
    config : RunConfig
        What it was made from.
    labels : int array (n,)
        Classes (or targets) of the workload's test sequences, of which `sequences` gives the
        inputs.
    sample_ids : int array (n,)
        Their numbers, which the noise of a run depends on.
    lengths : int array (n,) or None
        Their steps, where they are padded.
    """

    def __init__(self, config: RunConfig, inputs: Inputs, network: AnalogNetwork) -> None:
        self.config = config
        self.labels, self.sample_ids = inputs.labels, inputs.sample_ids
        self.lengths = inputs.lengths
        self._inputs, self._network = inputs, network

    @property
    def sequences(self) -> NDArray[np.float32]:
        """Inputs (n, L, d) of the workload's test sequences."""
        return np.asarray(self._inputs.inputs[:])

    @property
    def time(self) -> float:
        """Time since programming [s]."""
        return self._network.instance.time

    @property
    def writings(self) -> int:
        """How often it was programmed before."""
        return self._network.instance.writing

    def __call__(
        self,
        inputs: ArrayLike,
        sample_ids: ArrayLike | None = None,
        *,
        noise: bool = True,
        lengths: ArrayLike | None = None,
    ) -> FloatArray:
        """Run sequences.

        Parameters
        ----------
        inputs : array (B, L, d) or (L, d)
            Real inputs, L steps as the workload's data have.
        sample_ids : int array (B,), optional
            Numbers of the samples, which their read noise depends on; 0 … B-1 by default.
        noise : bool
            False leaves read noise out.
        lengths : int array (B,), optional
            Steps of each sequence, behind which there is padding that the chip does not run; those
            of the workload's sequences are `lengths`.

        Returns
        -------
        array (B, K) or (K,)
            Logits in the network's real units.

        Raises
        ------
        InputError
            Another shape, or values that are not finite.
        """
        given = np.asarray(inputs)
        if given.ndim not in (2, 3):
            raise InputError(
                f"expected sequences (B, L, d), or one (L, d), not an array of shape {given.shape}"
            )
        single = given.ndim == 2
        threads = self.config.evaluate.threads
        with use_threads(None if threads == "auto" else int(threads)):
            result = self._network.run(
                given[None] if single else given, sample_ids, batch=self.config.evaluate.batch,
                noise=noise, lengths=lengths,
            )  # fmt: skip
        return result.logits[0] if single else result.logits

    @property
    def conductances(self) -> dict[str, FloatArray]:
        """Conductances (tiles, word lines, bit lines) [S] at this time, by path of the tiles.

        Lines of a pair are neighbours, positive first; zero where no cell is used. With four lines
        rows and columns of a mode are re+, re-, im+, im-; those of inputs and outputs come behind
        all modes, their imaginary parts last.
        """
        instance = self._network.instance
        return {path: w.conductance(instance.time) for path, w in instance.written.items()}

    @property
    def targets(self) -> dict[str, FloatArray]:
        """Conductances that were meant (tiles, word lines, bit lines) [S], as `conductances`."""
        return {path: w.targets for path, w in self._network.instance.written.items()}

    @property
    def weights(self) -> dict[str, FloatArray]:
        """Weights (tiles, rows, columns) that the cells stand for, in units of the integer ones."""
        instance = self._network.instance
        return {
            **{path: ready.on_chip.weights for path, ready in instance.kernels.items()},
            **{path: ready.on_chip.weights for path, ready in instance.dense.items()},
        }

    def later(self, time: float, calibrated: float | None = None) -> Chip:
        """Return the chip at another time since its programming.

        Parameters
        ----------
        time : float
            [s]
        calibrated : float, optional
            When drift compensation and columns were last calibrated [s]; by default just then.

        Raises
        ------
        ValidityError
            The cell's card does not hold for that time.
        """
        return self._with(self._network.later(_seconds(time), calibrated))

    def reprogram(self, time: float = 0.0) -> Chip:
        """Return the chip written once more, at a time [s] since then: new errors, same faults."""
        now = self._network.instance
        return self._with(
            AnalogNetwork(
                self._network.program, self.config.hardware, seed=now.seed, chip=now.chip,
                time=_seconds(time), calibration=now.calibration, writing=now.writing + 1,
            )
        )  # fmt: skip

    def _with(self, network: AnalogNetwork) -> Chip:
        other = copy(self)
        other._network = network
        return other

    def __repr__(self) -> str:
        instance = self._network.instance
        cells = self.config.hardware.chip.tile.cell
        return (
            f"<Chip {instance.chip} of {self.config.workload}: {len(instance.written)} tile sets "
            f"of {cells}, {instance.time:g} s after programming>"
        )


def chip(
    workload: Workload,
    chip: int = 0,
    *,
    set: Settings | None = None,
    seed: int | None = None,
    time: float | None = None,
    progress: Progress | bool = False,
) -> Chip:
    """Program one chip instance of a workload.

    Parameters
    ----------
    workload, set, seed, progress
        As for `imssa_sim.run`, whose chips these are: same seed and number, same errors.
    chip : int
        Number of the instance.
    time : float, optional
        Since programming [s]; by default the workload's ``evaluate.time_since_programming``.

    Returns
    -------
    Chip

    Raises
    ------
    ImssaError
        Bad input, or a model outside its validity.

    Examples
    --------
    >>> import imssa_sim
    >>> chip = imssa_sim.chip("sdigits")  # doctest: +SKIP
    >>> chip(chip.sequences[:5]).argmax(axis=1)  # doctest: +SKIP
    array([8, 3, 8, 9, 1])
    >>> chip.later(86400.0).conductances["chip.layer0.kernel"]  # doctest: +SKIP
    """
    if not hasattr(chip, "__index__") or chip < 0:
        raise InputError(f"chip: expected an integer from 0 on, not {chip!r}")
    config = load(workload, set, seed).config
    check_settings(config)
    with told_of(progress) as told:
        inputs = prepare_inputs(config)
        told.note(inputs.used.message)
        placed = place(config, inputs, told.note)
        network = AnalogNetwork(
            placed.program,
            config.hardware,
            seed=config.seed,
            chip=int(chip),
            time=config.evaluate.time_since_programming if time is None else _seconds(time),
            calibration=placed.column_sums,
        )
    return Chip(config, inputs, network)


def _seconds(time: float) -> float:
    if not isinstance(time, int | float) or isinstance(time, bool) or not 0 <= time < np.inf:
        raise InputError(f"time: expected seconds from 0 on, not {time!r}")
    return float(time)
