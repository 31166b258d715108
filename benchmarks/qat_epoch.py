"""Time of one epoch of quantisation-aware training of the 1,024-step digits.

    python benchmarks/qat_epoch.py --threads 2

1,437 sequences (all but the test part), 4 layers, H = 64, N = 16, 6 bits, batches of 64: forward,
backward and optimiser, without validation. Compiled code is loaded before the clock starts.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def main() -> None:
    """Run the measurement from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=64)
    given = parser.parse_args()
    for name in ("OMP", "OPENBLAS", "MKL", "NUMBA"):  # read when the libraries are loaded
        os.environ[f"{name}_NUM_THREADS"] = str(given.threads)
    measure(given.threads, given.batch)


def measure(threads: int, batch: int) -> None:
    """Train one epoch and print its time."""
    import numpy as np
    import torch

    from imssa_sim.data.registry import resolve_dataset
    from imssa_sim.functional.digital import numba_threads
    from imssa_sim.model.checkpoint import load_checkpoint
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.stages import Stages

    config = load_train_config(
        ROOT / "workloads" / "train" / "digits32_6bit.yaml", ["quantise={bits: 6}"]
    )
    torch.set_num_threads(threads)
    dataset = resolve_dataset(config.data).dataset
    assert config.model.checkpoint is not None
    start = load_checkpoint(config.model.checkpoint)
    module = Stages(config, dataset, start.network, None).module
    parts = (dataset.train, dataset.validation)
    inputs = np.concatenate([part.inputs for part in parts])
    labels = torch.from_numpy(np.concatenate([part.labels for part in parts]))
    optimiser = torch.optim.AdamW(module.parameters(), lr=1e-4)
    module.train()

    def step(at: int) -> None:
        logits = module(torch.from_numpy(inputs[at : at + batch]).clone())
        optimiser.zero_grad(set_to_none=True)
        loss = torch.nn.functional.cross_entropy(logits, labels[at : at + batch])
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()

    with numba_threads(threads):
        step(0)
        wall, processor = time.perf_counter(), time.process_time()
        for at in range(0, len(inputs), batch):
            step(at)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    print(
        f"{len(inputs)} sequences of {dataset.length} steps, {batch} a batch, {threads} threads: "
        f"{wall:.1f} s ({processor:.1f} s of processor time)"
    )


if __name__ == "__main__":
    main()
