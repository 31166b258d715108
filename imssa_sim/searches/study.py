"""The store of a search: an Optuna study that several processes work on, and die at, safely."""

from __future__ import annotations

import os
import time
import uuid
import warnings
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Self

from imssa_sim.errors import InputError
from imssa_sim.file_lock import FileLock
from imssa_sim.searches.sampler import sampler_of
from imssa_sim.searches.trial import Evaluation

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import ModuleType

    from imssa_sim.searches.plan import SearchPlan

_WAIT = 0.01
"""Between two tries to take a lock [s]."""


def optuna() -> ModuleType:
    """Return the package Optuna.

    Raises
    ------
    InputError
        It is not installed; names the extra.
    """
    try:
        import optuna as package
    except ImportError as error:
        raise InputError(
            f"a search needs Optuna ({error}): pip install 'imssa_sim[search]'"
        ) from None
    package.logging.set_verbosity(package.logging.ERROR)
    module: ModuleType = package
    return module


class Shared:
    """A search's study and folder, as one of the processes at work on it sees them.

    A process holds the lock of a file of its own as long as it lives, and every trial names the
    process that has it. A trial that is running while nobody holds that lock was left by a process
    that was killed: the next one takes it over, with its parameters and its number.

    Parameters
    ----------
    plan : SearchPlan
    folder : Path
        Common to all processes.
    """

    def __init__(self, plan: SearchPlan, folder: Path) -> None:
        self.plan, self.folder = plan, folder
        self._places = folder / "processes"
        self._name = f"{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self._own = FileLock(self._places / self._name)
        self._study: Any = None

    def __enter__(self) -> Self:
        self._places.mkdir(exist_ok=True)
        self._own.acquire()
        with self._alone("study"):
            self._study = _open(self.plan, self.folder)
        return self

    def __exit__(self, *_: object) -> None:
        self._own.release()
        (self._places / self._name).unlink(missing_ok=True)
        # Connections to a data base close with what holds them.
        self._study = None

    def next(self) -> tuple[Any, dict[str, int]] | None:
        """Return a trial to work on and its choices by knob; None if none is to be begun."""
        states = optuna().trial.TrialState
        with self._alone("ask"):
            while True:
                trials = self._study.get_trials(
                    deepcopy=False, states=(states.COMPLETE, states.RUNNING)
                )
                left = [t for t in trials if t.state == states.RUNNING and self._is_left(t)]
                if left:
                    trial = optuna().trial.Trial(self._study, left[0]._trial_id)
                elif len(trials) >= self.limit:
                    return None
                else:
                    trial = self._study.ask()
                trial.set_user_attr("process", self._name)
                choice = self._choice(trial)
                if all(t.params != choice or t.number == trial.number for t in trials):
                    return trial, choice
                self._study.tell(trial, state=states.FAIL)  # there already: samplers ignore it

    def _choice(self, trial: Any) -> dict[str, int]:
        """Return the choice of each knob, by index."""
        return {
            knob.name: trial.suggest_int(knob.name, 0, len(knob.choices) - 1)
            if knob.ordered
            else trial.suggest_categorical(knob.name, list(range(len(knob.choices))))
            for knob in self.plan.knobs
        }

    @property
    def limit(self) -> int:
        """Trials that there may be: no point is evaluated twice."""
        return min(self.plan.trials, self.plan.size)

    def tell(self, trial: Any, record: Evaluation) -> None:
        """Store what came of a trial; it is stored when this returns."""
        trial.set_user_attr("record", record.to_plain())
        for number, excess in enumerate(record.excess):
            if str(number) not in trial.constraints:  # of a process that was killed just here
                trial.set_constraint(str(number), excess)
        self._study.tell(trial, [_told(record, o.stat) for o in self.plan.objectives])

    def records(self) -> dict[int, Evaluation]:
        """Return what is finished, by number of trial."""
        states = optuna().trial.TrialState
        return {
            t.number: record_of(t.user_attrs["record"])
            for t in self._study.get_trials(deepcopy=False, states=(states.COMPLETE,))
        }

    def importances(self, stat: str) -> dict[str, float]:
        """Return the share of a statistic's variance that each knob explains (fANOVA).

        Hutter et al., ICML 2014. Over the trials that know the statistic; empty where they are too
        few, or it does not vary.
        """
        package = optuna()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            evaluator = package.importance.FanovaImportanceEvaluator(seed=self.plan.seed)
            with suppress(ValueError, RuntimeError):
                found = package.importance.get_param_importances(
                    self._study, evaluator=evaluator,
                    target=lambda t: record_of(t.user_attrs["record"]).value(stat),
                )  # fmt: skip
                return {name: float(share) for name, share in found.items()}
        return {}

    def _is_left(self, trial: Any) -> bool:
        """Tell whether a running trial has no living process; only under the lock of asking."""
        name: str | None = trial.user_attrs.get("process")
        if name is None or name == self._name or not (self._places / name).exists():
            return True
        lock = FileLock(self._places / name)
        free = lock.acquire()
        lock.release()
        return free

    @contextmanager
    def _alone(self, name: str) -> Iterator[None]:
        lock = FileLock(self.folder / f".{name}.lock")
        while not lock.acquire():
            time.sleep(_WAIT)
        try:
            yield
        finally:
            lock.release()


def record_of(tree: Mapping[str, Any]) -> Evaluation:
    """Return a record from what JSON made of it."""
    share = tree["share"]
    parts = {"share": None if share is None else tuple(share), "excess": tuple(tree["excess"])}
    return Evaluation(**{**tree, **parts})


def _told(record: Evaluation, stat: str) -> float:
    """Return what the sampler is told of an objective.

    Where nothing is known: 0, which says nothing of a trial that breaks a constraint, as its value
    is not looked at; and the most that an accuracy can be of one that is dominated in any case.
    """
    value = record.value(stat)
    if value == value:
        return value
    return 1.0 if all(excess <= 0 for excess in record.excess) else 0.0


def _open(plan: SearchPlan, folder: Path) -> Any:
    package = optuna()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of interfaces that may still change
        try:
            return package.create_study(
                storage=_storage(plan, folder),
                sampler=sampler_of(plan),
                study_name=f"{plan.name}-{plan.fingerprint}",
                directions=["maximize" if o.maximise else "minimize" for o in plan.objectives],
                load_if_exists=True,
            )
        except Exception as error:  # of whatever driver: a bad URL, no server, no right to write
            text = " ".join(str(error).split())[:300]
            if isinstance(error, ImportError):
                text += " (for PostgreSQL: pip install 'psycopg[binary]')"
            raise InputError(
                f"the storage of the search cannot be opened: {type(error).__name__}: {text}"
            ) from error


def _storage(plan: SearchPlan, folder: Path) -> Any:
    storages = optuna().storages
    if plan.storage == "journal":
        from imssa_sim.searches.journal import journal

        return journal(folder / "journal.log")
    url = f"sqlite:///{folder / 'search.db'}" if plan.storage == "sqlite" else plan.storage
    return storages.RDBStorage(_with_driver(url))


def _with_driver(url: str) -> str:
    """Name PostgreSQL's driver that is there; SQLAlchemy's own choice differs by version."""
    scheme, separator, place = url.partition("://")
    if scheme == "postgresql" and separator:
        for driver in ("psycopg", "psycopg2"):
            if find_spec(driver) is not None:
                return f"postgresql+{driver}://{place}"
    return url
