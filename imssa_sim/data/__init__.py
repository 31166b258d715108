"""Data sets: sequences with labels and a fixed, stratified split."""

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.folders import MissingDataError
from imssa_sim.data.registry import (
    ResolvedData,
    dataset_description,
    dataset_names,
    load_dataset,
    resolve_dataset,
)

__all__ = [
    "Dataset",
    "MissingDataError",
    "ResolvedData",
    "Split",
    "dataset_description",
    "dataset_names",
    "load_dataset",
    "resolve_dataset",
]
