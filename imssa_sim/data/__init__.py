"""Data sets: sequences with labels and a fixed, stratified split."""

from imssa_sim.data.dataset import Dataset, Split
from imssa_sim.data.registry import dataset_names, load_dataset

__all__ = ["Dataset", "Split", "dataset_names", "load_dataset"]
