"""Data sets: sequences with labels and a fixed, stratified split."""

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.folders import MissingDataError
from imssa_sim.data.registry import (
    DataSource,
    ResolvedData,
    check_class_names,
    check_dataset_name,
    check_targets,
    dataset_description,
    dataset_names,
    known_steps,
    load_dataset,
    resolve_dataset,
)

__all__ = [
    "DataSource",
    "Dataset",
    "MissingDataError",
    "ResolvedData",
    "Split",
    "check_class_names",
    "check_dataset_name",
    "check_targets",
    "dataset_description",
    "dataset_names",
    "known_steps",
    "load_dataset",
    "resolve_dataset",
]
