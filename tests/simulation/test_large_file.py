"""A data set of 4 GiB is read where a run needs it, and never as a whole."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

COUNT, STEPS = 1 << 20, 1024  # float32: 4 GiB

WORKLOAD = """\
workload: large
model: {layers: 1, width: 6, state: 4, classes: 2}
data: {name: arrays, path: large, normalise: true}
bits: 8
calibration: {samples: 8}
evaluate: {samples: 4, chips: 1, threads: 1}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
  dac: {card: dac/pwm_40nm}
"""

RUN = """
import json, resource, sys
import imssa_sim
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
run = imssa_sim.run(sys.argv[1])
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"before": before, "after": after, "samples": run["accuracy.samples"],
                  "message": run.manifest["data"]["message"]}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="sparse files, ru_maxrss in KiB")
def test_a_file_of_four_gibibytes_is_streamed(tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    path = folder / "x_train.npy"
    x = np.lib.format.open_memmap(path, "w+", np.float32, (COUNT, STEPS, 1))
    x[:: COUNT // 64, :, 0] = np.sin(np.arange(STEPS))  # all else stays a hole of the file
    del x
    assert path.stat().st_size > 4 << 30
    if path.stat().st_blocks * 512 > 1 << 30:
        pytest.skip("this file system knows no holes")
    np.save(folder / "y_train.npy", np.arange(COUNT, dtype=np.int8) % 2)
    np.save(folder / "x_test.npy", np.ones((4, STEPS, 1), np.float32))
    np.save(folder / "y_test.npy", np.array([0, 1, 0, 1]))
    (tmp_path / "large.yaml").write_text(WORKLOAD, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(tmp_path / "large.yaml")], check=True, text=True,
        capture_output=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["samples"] == 4
    assert "838861 training, 209715 validation" in found["message"]
    assert found["after"] < 1 << 20, f"{found['after']} KiB in memory, of a file of 4 GiB"
