"""What the commands of the QS4D study share: result rows, networks, evaluation.

Results are CSV files under ``results/``; a command computes the rows that its file lacks, so one
that was interrupted goes on, and a second call with more seeds adds to the first.
"""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from imssa_sim.data import Dataset, Split
from imssa_sim.data.registry import resolve_dataset
from imssa_sim.functional.digital import run_digital
from imssa_sim.model.checkpoint import Checkpoint, load_checkpoint
from imssa_sim.model.quantised import QuantisedNetwork
from imssa_sim.quantisation.options import CalibrationOptions, Granularities
from imssa_sim.quantisation.widths import BitWidths
from imssa_sim.ssm.forms import OutputForm, output_form

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).resolve().parent / "results"
WORK = ROOT / "runs" / "qs4d"
KINDS = (
    "A", "B", "C", "D", "dt", "state", "kernel_input", "kernel_output", "activations", "linear",
)  # fmt: skip
FLOAT = 32
"""What stands for floating point in the column ``bits``."""
GRANULARITIES: dict[str, Granularities] = {
    "tensor": Granularities("tensor", "tensor", "tensor", "tensor", "tensor", "tensor", "tensor"),
    "channel": Granularities(A="channel", B="channel", state="channel"),
    "mode": Granularities(),
    "increments": Granularities(kernel_input="channel"),
}
"""Scales a tensor, a channel and a mode in look-ahead, and a mode in kernels of increments."""
ACCUMULATOR = 14
"""Bits of the states of increments, whatever the width of the rest."""


@dataclass(frozen=True)
class Row:
    """Accuracy of one network in integers on the test part.

    Attributes
    ----------
    workload, granularity, method : str
        ``method`` is float, ptq or qat; ``granularity`` a key of `GRANULARITIES`.
    bits : int
        Of all tensors alike, accumulators apart; 32 for the float network.
    seed : int
    accuracy : float
        Share of ``samples`` test sequences.
    samples : int
    config : str
        What was run.
    """

    workload: str
    granularity: str
    method: str
    bits: int
    seed: int
    accuracy: float
    samples: int
    config: str


def homogeneous(bits: int) -> BitWidths:
    """Return one width for all tensor kinds."""
    return BitWidths(**dict.fromkeys(KINDS, bits))


def widths_of(granularity: str, bits: int) -> BitWidths:
    """Return one width for all, accumulators apart where there are such."""
    whole = homogeneous(bits)
    return replace(whole, state=ACCUMULATOR, drive=bits) if granularity == "increments" else whole


def form_of(granularity: str) -> OutputForm:
    """Return how kernels form their outputs."""
    return output_form("delta" if granularity == "increments" else "lookahead")


def accuracy(network: QuantisedNetwork, part: Split) -> float:
    """Return the share of right predictions in integers."""
    return float(np.mean(run_digital(network, part.inputs).predictions == part.labels))


class Table:
    """A CSV file of results that grows row by row; ``key`` columns name a row."""

    def __init__(self, path: Path, columns: Iterable[str], key: Iterable[str]) -> None:
        self.path, self.columns, self.key = path, tuple(columns), tuple(key)
        self.rows: list[dict[str, str]] = []
        if path.exists():
            with path.open(newline="", encoding="utf-8") as file:
                reader = csv.DictReader(file)
                if tuple(reader.fieldnames or ()) != self.columns:
                    raise SystemExit(
                        f"{path}: its columns are {', '.join(reader.fieldnames or ())}; expected "
                        f"{', '.join(self.columns)}. Name another folder with -o"
                    )
                self.rows = list(reader)

    def has(self, **wanted: Any) -> bool:
        """Return whether there is a row with these values in the key columns."""
        sought = tuple(_text(wanted[name]) for name in self.key)
        return any(tuple(row[name] for name in self.key) == sought for row in self.rows)

    def add(self, values: Mapping[str, Any]) -> None:
        """Append a row and write it at once."""
        text = {name: _text(values[name]) for name in self.columns}
        self.rows.append(text)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            if new:
                writer.writeheader()
            writer.writerow(text)

    def sort(self, order: Callable[[dict[str, str]], Any]) -> None:
        """Write the whole file again, in an order that does not depend on who was first."""
        self.rows.sort(key=order)
        temporary = self.path.with_name(self.path.name + ".part")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, self.columns, lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        os.replace(temporary, self.path)


def _text(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def accuracy_table(path: Path) -> Table:
    """Return the table of `Row` entries in a file."""
    return Table(
        path, [f.name for f in fields(Row)], ("workload", "granularity", "method", "bits", "seed")
    )


def read_rows(folder: Path) -> list[Row]:
    """Return all `Row` entries of a folder: of every file that has just these columns."""
    columns = [f.name for f in fields(Row)]
    found = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            if list(reader.fieldnames or ()) != columns:
                continue
            for row in reader:
                numbers = {name: int(row[name]) for name in ("bits", "seed", "samples")}
                found.append(Row(**{**row, **numbers, "accuracy": float(row["accuracy"])}))
    return found


def as_dict(row: Row) -> dict[str, Any]:
    """Return the columns of a row by name."""
    return asdict(row)


def training_file(workload: str) -> Path:
    """Return the file that says how the float network of a workload is trained."""
    path = ROOT / "workloads" / "train" / f"{workload}.yaml"
    if not path.is_file():
        known = sorted(p.stem for p in path.parent.glob("*.yaml") if "_" not in p.stem)
        raise SystemExit(f"there is no {path.name} in workloads/train (known: {', '.join(known)})")
    return path


def load_data(workload: str) -> Dataset:
    """Return the data of a workload."""
    from imssa_sim.training.load import load_train_config

    return resolve_dataset(load_train_config(training_file(workload)).data).dataset


def float_network(workload: str, seed: int, work: Path, epochs: int | None = None) -> Checkpoint:
    """Return the float network of a seed, trained where it is not at hand yet.

    Seed 0 is the one that ships under ``checkpoints/``, unless ``epochs`` is given.
    """
    shipped = ROOT / "checkpoints" / f"{workload}.safetensors"
    if seed == 0 and epochs is None and shipped.is_file():
        return load_checkpoint(shipped)
    settings = [] if epochs is None else [f"train.epochs={epochs}", f"train.patience={epochs}"]
    tag = "float" if epochs is None else f"float{epochs}"
    return trained(workload, f"{workload}_{seed}_{tag}", [f"seed={seed}", *settings], work)


def trained(workload: str, name: str, settings: list[str], work: Path) -> Checkpoint:
    """Return a network trained with settings on top of the workload's file; kept in ``work``."""
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    work.mkdir(parents=True, exist_ok=True)
    target = work / f"{name}.safetensors"
    if target.exists():
        return load_checkpoint(target)
    config = load_train_config(training_file(workload), settings)

    def report(line: str) -> None:
        if line.startswith("epoch"):
            progress(f"{name}: {line}", end=False)

    return train(config, target, report=report).checkpoint


_LAST = {"length": 0, "time": 0.0}


def progress(text: str, end: bool = True) -> None:
    """Say what goes on; a passing line (``end`` False) is overwritten on a terminal."""
    if not end and not sys.stderr.isatty():
        if time.monotonic() - _LAST["time"] < 30:
            return
        _LAST["time"] = time.monotonic()
        end = True
    text = text[:79]
    blank = " " * max(0, int(_LAST["length"]) - len(text))
    lead = "\r" if sys.stderr.isatty() else ""
    print(f"{lead}{text}{blank}", end="\n" if end else "", file=sys.stderr, flush=True)
    _LAST["length"] = 0 if end else len(text)


def calibration_data(data: Dataset) -> Any:
    """Return the training sequences that ranges are calibrated on."""
    return data.train.inputs[:128]


def options_of(granularity: str, activations: str = "mse", weights: str = "max") -> Any:
    """Return calibration options by name."""
    return CalibrationOptions(
        activations=activations,  # type: ignore[arg-type]
        weights=weights,  # type: ignore[arg-type]
        granularity=GRANULARITIES[granularity],
    )
