"""Measure an S4D network on a CUDA device in both baseline modes, and write a card from it.

    python benchmarks/gpu_baseline.py [--dry-run] [--seconds 5] [-o DIR]
        [--layers 4 --width 128 --state 64 --length 1024 --inputs 1 --classes 10 --batch 32]

Needs PyTorch with CUDA and NVIDIA's driver library (NVML, for energy and power). Loops of several
seconds each measure: idle power; copies (bandwidth); products in half and single precision (peaks
and full power); a stream of tiny kernels (launch overhead, power while launching); then the network
token by token, the same as one CUDA graph, and as a convolution by FFT at batch 1 and ``--batch``.
Energies come from NVML's energy counter where the device has one, else from its power readings;
dynamic energy has the idle power subtracted.

With ``-o`` it writes ``DIR/gpu_measured.yaml``, a card that ``--set "baselines=[DIR/…]"`` takes,
and ``DIR/gpu_baseline.csv`` with the measured modes beside what the card's model says of them.
``--dry-run`` says what would be measured, and what is missing here, and exits with 0; a run without
a GPU says the same and exits with 2.
"""

from __future__ import annotations

import argparse
import csv
import ctypes
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_network import Network

from imssa_sim.baselines import Shape, evaluate
from imssa_sim.cards import load_card

PLAN = (
    ("idle", "power with nothing running"),
    ("copy", "device-to-device copies of 256 MiB: bandwidth"),
    ("fp16", "products of 8192 x 8192 in half precision: peak and full power"),
    ("fp32", "products of 8192 x 8192 in single precision without tensor cores: peak"),
    ("launch", "a stream of kernels on 32 numbers: launch overhead, power while launching"),
    ("recurrent", "the network token by token, kernel by kernel"),
    ("recurrent graph", "the same token step replayed as a CUDA graph"),
    ("convolution", "the network as a convolution by FFT, batch 1 and a larger one"),
)


class Meter:
    """Energy of device 0 from NVML: its counter [mJ], or power readings [mW] over time.

    Used directly as a C library, so no Python package is needed. ``read`` returns joules since an
    arbitrary start; with power readings only, call it often.
    """

    def __init__(self) -> None:
        self.library = ctypes.CDLL("libnvidia-ml.so.1")
        if self.library.nvmlInit_v2() != 0:
            raise OSError("NVML does not start")
        self.device = ctypes.c_void_p()
        if self.library.nvmlDeviceGetHandleByIndex_v2(0, ctypes.byref(self.device)) != 0:
            raise OSError("NVML has no device 0")
        self.counter = self._counter() is not None
        self._energy, self._last = 0.0, time.perf_counter()

    def _counter(self) -> float | None:
        value = ctypes.c_ulonglong()
        code = self.library.nvmlDeviceGetTotalEnergyConsumption(self.device, ctypes.byref(value))
        return value.value * 1e-3 if code == 0 else None

    def power(self) -> float:
        value = ctypes.c_uint()
        if self.library.nvmlDeviceGetPowerUsage(self.device, ctypes.byref(value)) != 0:
            raise OSError("NVML gives no power")
        return value.value * 1e-3

    def read(self) -> float:
        found = self._counter()
        if found is not None:
            return found
        now = time.perf_counter()
        self._energy += self.power() * (now - self._last)
        self._last = now
        return self._energy


@dataclass(frozen=True)
class Measured:
    """Seconds and joules of one call, mean over a loop; ``power`` [W] over the loop."""

    seconds: float
    joules: float
    power: float
    calls: int


def loop(
    call: Callable[[], object], seconds: float, meter: Any, synchronise: Callable[[], None]
) -> Measured:
    """Repeat a call for some seconds after a warm-up."""
    for _ in range(3):
        call()
    synchronise()
    begin = time.perf_counter()
    call()
    synchronise()
    chunk = max(1, int(0.05 / max(1e-7, time.perf_counter() - begin)))
    calls, energy, begin = 0, meter.read(), time.perf_counter()
    while time.perf_counter() - begin < seconds:
        for _ in range(chunk):
            call()
        synchronise()
        calls += chunk
        meter.read()
    elapsed, joules = time.perf_counter() - begin, meter.read() - energy
    return Measured(elapsed / calls, joules / calls, joules / elapsed, calls)


def missing() -> str:
    """What this machine lacks, or an empty string."""
    try:
        import torch
    except ImportError:
        return "PyTorch is not installed: pip install 'imssa_sim[train]' on a machine with a GPU"
    if not torch.cuda.is_available():
        return "PyTorch sees no CUDA device here"
    try:
        Meter()
    except (OSError, AttributeError) as error:
        return f"no energy can be read: {error}"
    return ""


def measure(shape: Shape, batch: int, seconds: float) -> dict[str, Any]:
    """All measurements of `PLAN`."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    meter, wait = Meter(), torch.cuda.synchronize
    found: dict[str, Any] = {"name": torch.cuda.get_device_name(0), "torch": torch.__version__}
    time.sleep(1.0)
    readings = []
    for _ in range(int(seconds * 10)):
        readings.append(meter.power())
        time.sleep(0.1)
    found["idle"] = statistics.median(readings)
    source = torch.empty(64 << 20, device="cuda")
    target = torch.empty_like(source)
    found["copy"] = loop(lambda: target.copy_(source), seconds, meter, wait)
    found["copied bytes"] = 2 * source.numel() * 4
    for name, kind in (("fp16", torch.float16), ("fp32", torch.float32)):
        a = torch.randn(8192, 8192, device="cuda", dtype=kind)
        found[name] = loop(lambda a=a: a @ a, seconds, meter, wait)
    tiny = torch.zeros(32, device="cuda")
    found["launch"] = loop(lambda: tiny.add_(1.0), seconds, meter, wait)
    with torch.inference_mode():
        network = Network(torch, shape, "cuda", torch.float32)
        one = torch.randn(1, shape.length, shape.inputs, device="cuda")
        many = torch.randn(batch, shape.length, shape.inputs, device="cuda")
        spectra = network.spectra(shape.length)
        found["recurrent"] = loop(lambda: network.recurrent(one), seconds, meter, wait)
        found["recurrent graph"] = _graph(torch, network, shape, seconds, meter)
        found["convolution"] = loop(lambda: network.convolution(one, spectra), seconds, meter, wait)
        found["convolution batch"] = loop(
            lambda: network.convolution(many, spectra), seconds, meter, wait
        )
    return found


def _graph(torch: Any, network: Network, shape: Shape, seconds: float, meter: Any) -> Measured:
    """The token step as one CUDA graph, replayed for every token of a sequence."""
    u = torch.randn(1, shape.inputs, device="cuda")
    state = network.state(1)
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            network.step(u, state)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        network.step(u, state)

    def sequence() -> None:
        for _ in range(shape.length):
            graph.replay()

    return loop(sequence, seconds, meter, torch.cuda.synchronize)


def card_text(found: dict[str, Any], shape: Shape, batch: int) -> str:
    """The measured device as a card."""
    product = 2 * 8192**3
    full, idle = found["fp16"].power, found["idle"]
    activity = (found["launch"].power - idle) / (full - idle)
    rows = {
        "peak_fp16": (product / found["fp16"].seconds / 1e12, "TFLOPS", "product of 8192 x 8192"),
        "peak_fp32": (product / found["fp32"].seconds / 1e12, "TFLOPS", "product of 8192 x 8192"),
        "bandwidth": (
            found["copied bytes"] / found["copy"].seconds / 1e9,
            "GB/s",
            "copy of 256 MiB",
        ),
        "power": (full, "W", "during the half-precision product"),
        "idle_power": (idle, "W", "median of readings with nothing running"),
        "launch_overhead": (found["launch"].seconds * 1e6, "us", "stream of kernels on 32 numbers"),
        "launch_activity": (min(1.0, max(0.0, activity)), '"1"', "power of that stream"),
        "compute_efficiency": (1.0, '"1"', "the peaks are measured ones"),
        "bandwidth_efficiency": (1.0, '"1"', "the bandwidth is a measured one"),
    }
    for mode in ("recurrent", "recurrent graph", "convolution", "convolution batch"):
        name = f"measured_{mode.replace(' ', '_')}"
        sequences = batch if mode.endswith("batch") else 1
        rows[f"{name}_latency"] = (found[mode].seconds * 1e3, "ms", mode)
        rows[f"{name}_energy"] = (found[mode].joules / sequences * 1e3, "mJ", f"{mode}, a sequence")
    s = shape
    head = (
        f"name: gpu_measured\nkind: gpu\n"
        f"title: {found['name']}, measured with PyTorch {found['torch']}\nparameters:\n"
    )
    body = "".join(
        f"  {name}: {{value: {value:.6g}, unit: {unit}, source: gpu_baseline_run, "
        f'locator: "{what}", status: measured}}\n'
        for name, (value, unit, what) in rows.items()
    )
    return (
        f"{head}{body}not_modelled:\n  - the host's power\n"
        f"notes: Network of {s.layers} layers, H {s.width}, N {s.state}, L {s.length}, single "
        "precision.\nreferences: |\n  @misc{gpu_baseline_run,\n    title = {Measured with "
        "benchmarks/gpu_baseline.py},\n    year = {" + time.strftime("%Y") + "},\n  }\n"
    )


def report(
    found: dict[str, Any], card_path: Path | None, shape: Shape, batch: int
) -> list[list[str]]:
    """Rows of measured modes, beside the card's model where there is a card."""
    rows = []
    for mode in ("recurrent", "recurrent graph", "convolution", "convolution batch"):
        sequences = batch if mode.endswith("batch") else 1
        m = found[mode]
        dynamic = (m.joules - found["idle"] * m.seconds) / sequences
        row = [mode, f"{m.seconds:.6g}", f"{m.joules / sequences:.6g}", f"{dynamic:.6g}", "", ""]
        if card_path is not None and mode != "recurrent graph":
            kind = "recurrent" if mode == "recurrent" else "convolution"
            model = evaluate(
                load_card(str(card_path)),
                shape,
                kind,
                batch=sequences,
                precision="fp32",
                fused=False,
            )
            row[4:] = [f"{model.latency:.6g}", f"{model.energy:.6g}"]
        rows.append(row)
    return rows


HEADER = [
    "mode", "latency of a batch [s]", "energy a sequence [J]", "of which dynamic [J]",
    "model latency [s]", "model energy [J]",
]  # fmt: skip


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--dry-run", action="store_true", help="say what would be measured")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each loop")
    parser.add_argument("--batch", type=int, default=32, help="sequences of the batched mode")
    parser.add_argument("-o", "--output", type=Path, help="folder for the card and the table")
    for name, default in (
        ("layers", 4), ("width", 128), ("state", 64), ("length", 1024), ("inputs", 1),
        ("classes", 10),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=int, default=default)
    options = parser.parse_args(arguments)
    shape = Shape(
        options.layers, options.width, options.state, options.length, options.inputs,
        options.classes,
    )  # fmt: skip
    lacking = missing()
    if options.dry_run or lacking:
        print(f"would measure, {options.seconds:g} s each:")
        for name, what in PLAN:
            print(f"  {name:<16} {what}")
        if lacking:
            print(f"cannot measure here: {lacking}")
        return 0 if options.dry_run else 2
    found = measure(shape, options.batch, options.seconds)
    path = None
    if options.output is not None:
        options.output.mkdir(parents=True, exist_ok=True)
        path = options.output / "gpu_measured.yaml"
        path.write_text(card_text(found, shape, options.batch), encoding="utf-8")
    rows = report(found, path, shape, options.batch)
    overhead = found["launch"].seconds * 1e6
    print(f"{found['name']}: idle {found['idle']:.1f} W, launch {overhead:.2f} us")
    for row in [HEADER, *rows]:
        print("  " + "  ".join(text.ljust(22) for text in row))
    if options.output is not None:
        with (options.output / "gpu_baseline.csv").open("w", newline="") as file:
            csv.writer(file).writerows([HEADER, *rows])
        print(f"saved {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
