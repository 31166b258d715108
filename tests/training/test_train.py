from __future__ import annotations

import csv
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imssa_sim.data import Dataset, Split
from imssa_sim.errors import ConfigError, InputError
from imssa_sim.model.checkpoint import load_checkpoint
from imssa_sim.quantisation.widths import BIT_KINDS
from imssa_sim.reference.forward import accuracy
from imssa_sim.ssm.kept import kept_modes

torch = pytest.importorskip("torch", reason="training needs PyTorch")

CONFIG = """
name: tiny
seed: 3
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 10, initialisation: lin}
data: {name: sdigits}
train: {epochs: 3, batch: 64, dt_min: 0.05, dt_max: 0.5, shift: 1, dropout: 0.1}
"""


def small_digits(name: str, side: int, normalise: bool) -> Dataset:
    """The first few digits, so that an epoch takes milliseconds."""
    from imssa_sim.data.digits import load_digits

    whole = load_digits(name, side, normalise)
    parts = {
        part: Split(getattr(whole, part).inputs[:n], getattr(whole, part).labels[:n])
        for part, n in (("train", 200), ("validation", 80), ("test", 80))
    }
    return Dataset(
        **{n: getattr(whole, n) for n in whole.__dataclass_fields__ if n not in parts}, **parts
    )


@pytest.fixture(autouse=True)
def few_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("imssa_sim.data.registry.load_digits", small_digits)


@pytest.fixture(scope="module", autouse=True)
def first_training(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Train once before anything is compared.

    After other uses of PyTorch in the same process, the first training's sums differ from all
    later ones' in the last bit; `train` itself has a process of its own.
    """
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    folder = tmp_path_factory.mktemp("first")
    (folder / "tiny.yaml").write_text(CONFIG)
    config = load_train_config(folder / "tiny.yaml", ["train.epochs=1"])
    train(config, folder / "first.safetensors", report=lambda line: None)


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    from imssa_sim.training.load import load_train_config
    from imssa_sim.training.trainer import train

    config = tmp_path / "tiny.yaml"
    config.write_text(CONFIG)

    def call(name: str, *overrides: str, **options: Any) -> Any:
        options.setdefault("report", lambda line: None)
        return train(load_train_config(config, overrides), tmp_path / name, **options)

    return call


def test_same_seed_same_bytes(run: Callable[..., Any], tmp_path: Path) -> None:
    run("a.safetensors")
    run("b.safetensors")
    run("c.safetensors", "seed=4")
    contents = [(tmp_path / f"{n}.safetensors").read_bytes() for n in "abc"]
    assert contents[0] == contents[1]
    assert contents[0] != contents[2]


def tones(count: int, seed: int) -> Split:
    """Noisy tones of random phase; the class is the frequency."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    phase = rng.uniform(0, 2 * np.pi, (count, 1))
    wave = np.sin(0.3 * (1 + labels[:, None]) * np.arange(40) + phase)
    wave += rng.normal(0, 0.3, wave.shape)
    return Split(wave[..., None].astype(np.float32), labels)


def test_training_learns_to_tell_tones_apart() -> None:
    from imssa_sim.model.initialise import random_network
    from imssa_sim.training.fit import Fit, evaluate
    from imssa_sim.training.schema import TrainSection
    from imssa_sim.training.torch_network import NetworkModule

    parts = {n: tones(200, i) for i, n in enumerate(("train", "validation", "test"))}
    data = Dataset("tones", **parts, classes=("a", "b", "c"), source="", normalisation="")
    network = random_network(
        layers=1, width=8, state=8, inputs=1, classes=3, initialisation="lin", dt_range=(0.05, 0.5)
    )
    fit = Fit(NetworkModule(network), data, TrainSection(epochs=10, batch=20), seed=0)
    assert evaluate(fit.module, data.test, 50)[1] < 0.6
    fit.run(lambda record: None)
    fit.load_best()
    assert evaluate(fit.module, data.test, 50)[1] > 0.9


@pytest.mark.parametrize("interrupted_after", [1, 2])
def test_interrupted_training_repeats_the_uninterrupted_one(
    run: Callable[..., Any], tmp_path: Path, interrupted_after: int
) -> None:
    whole = run("whole.safetensors")

    def stop(line: str) -> None:
        if line.startswith(f"epoch   {interrupted_after}/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("parts.safetensors", report=stop)
    assert (tmp_path / "parts.resume.pt").exists()
    assert not (tmp_path / "parts.safetensors").exists()
    lines: list[str] = []
    run("parts.safetensors", report=lines.append)
    assert lines[0].startswith(f"continuing after epoch {interrupted_after}")
    assert (tmp_path / "parts.safetensors").read_bytes() == whole.checkpoint.path.read_bytes()
    assert not (tmp_path / "parts.resume.pt").exists()
    assert not list(tmp_path.glob("*.part"))


def test_state_of_another_training_is_not_continued(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    def stop(line: str) -> None:
        if line.startswith("epoch   1/"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("a.safetensors", report=stop)
    with pytest.raises(InputError, match="another configuration or other data"):
        run("a.safetensors", "train.lr=0.003")
    run("a.safetensors", "train.lr=0.003", fresh=True)
    assert load_checkpoint(tmp_path / "a.safetensors").metadata["config"]["train"]["lr"] == 0.003


def test_damaged_state_is_named(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "a.resume.pt").write_bytes(b"nonsense")
    with pytest.raises(InputError, match=r"is damaged.*--fresh"):
        run("a.safetensors")


def test_metadata_tell_what_was_measured(run: Callable[..., Any]) -> None:
    from imssa_sim.data import load_dataset

    result = run("a.safetensors", command="python -m imssa_sim train tiny.yaml")
    metadata = result.checkpoint.metadata
    test = load_dataset("sdigits").test
    measured = accuracy(result.checkpoint.network, test.inputs, test.labels)
    assert metadata["accuracy"]["test"] == measured
    best = max(r.validation_score for r in result.history)
    # Module and reference differ in precision only: at most one sequence on the fence.
    assert abs(metadata["accuracy"]["validation"] - best) <= 1 / 80
    assert metadata["split"] == {"train": 200, "validation": 80, "test": 80}
    assert metadata["data"]["sha256"] == load_dataset("sdigits").fingerprint
    assert metadata["command"] == "python -m imssa_sim train tiny.yaml"
    assert metadata["seed"] == 3
    assert metadata["augmentation"] == "shifts of up to 1 pixels"
    assert metadata["versions"]["torch"] == torch.__version__


def test_no_path_of_this_machine_gets_into_the_file(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    first = run("a.safetensors")
    start = f"model.checkpoint={first.checkpoint.path}"
    result = run("b.safetensors", start, f"data.path={tmp_path}")
    assert result.checkpoint.metadata["config"]["model"]["checkpoint"] == "a.safetensors"
    assert str(tmp_path).encode() not in (tmp_path / "b.safetensors").read_bytes()


def test_curve_is_written(run: Callable[..., Any], tmp_path: Path) -> None:
    result = run("a.safetensors")
    with (tmp_path / "a.curve.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(r["epoch"]) for r in rows] == [0, 1, 2]
    assert float(rows[1]["train_loss"]) == result.history[1].train_loss
    assert (tmp_path / "a.curve.png").read_bytes()[:4] == b"\x89PNG"


def test_fine_tuning_starts_from_the_checkpoint(run: Callable[..., Any]) -> None:
    first = run("a.safetensors", "train.epochs=8", "train.shift=0")
    again = run(
        "b.safetensors",
        f"model.checkpoint={first.checkpoint.path}",
        "train.epochs=1",
        "train.lr=1e-9",
        "train.ssm_lr=1e-9",
        "train.shift=0",
    )
    np.testing.assert_allclose(
        again.checkpoint.network.layers[0].kernel.C,
        first.checkpoint.network.layers[0].kernel.C,
        atol=1e-6,
    )


def test_training_stops_when_validation_stalls_or_the_target_is_reached(
    run: Callable[..., Any],
) -> None:
    stalled = run("a.safetensors", "train.epochs=30", "train.patience=2", "train.lr=1e-12")
    best = max(
        range(len(stalled.history)),
        key=lambda i: (stalled.history[i].validation_score, -stalled.history[i].validation_loss),
    )
    assert len(stalled.history) == best + 3 < 30
    reached = run("b.safetensors", "train.target=0.01")
    assert len(reached.history) == 1


def test_cosine_schedule(run: Callable[..., Any]) -> None:
    history = run("a.safetensors", "train.epochs=4").history
    # The last of four batches of an epoch stands at (epoch + 3/4)/4 of the way.
    expected = [0.005 * (1 + math.cos(math.pi * (e + 0.75) / 4)) for e in range(4)]
    np.testing.assert_allclose([r.rate for r in history], expected)


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("a.pt", r"stored as \*.safetensors"),
        ("no/a.safetensors", "does not exist"),
        ("tiny.safetensors", "exists already"),
    ],
)
def test_bad_outputs_are_refused_before_training(
    run: Callable[..., Any], tmp_path: Path, output: str, message: str
) -> None:
    (tmp_path / "tiny.safetensors").write_bytes(b"")
    with pytest.raises(InputError, match=message):
        run(output)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("model.inputs=3", "model.inputs is 3, but sdigits has 1"),
        ("model.classes=11", "model.classes is 11, but sdigits has 10"),
        ("train.epoch=3", "did you mean 'train.epochs'"),
        ("train.lr=-1", "train.lr"),
        ("train.dt_min=2", "dt_min: 2.0 is greater than dt_max"),
        ("model.state=5", "odd"),
        ("data.name=sdigit", "did you mean 'sdigits'"),
        ("model.checkpoint=none.safetensors", "none.safetensors"),
    ],
)
def test_bad_settings_are_named(run: Callable[..., Any], override: str, message: str) -> None:
    with pytest.raises((ConfigError, InputError), match=message):
        run("a.safetensors", override)


def test_images_shift_without_wrapping() -> None:
    from imssa_sim.data import load_dataset
    from imssa_sim.training.augment import shift_images

    data = load_dataset("sdigits")
    inputs = data.train.inputs
    moved = shift_images(data, inputs, 2, np.random.default_rng(0)).reshape(-1, 8, 8)
    seen = set()
    for before, after in zip(inputs.reshape(-1, 8, 8), moved, strict=True):
        framed = np.pad(before, 2, constant_values=data.background)
        found = [
            (i, j)
            for i in range(5)
            for j in range(5)
            if np.array_equal(framed[i : i + 8, j : j + 8], after)
        ]
        assert found
        seen.add(found[0])
    assert len(seen) > 15
    noise = np.random.default_rng(1).normal(size=(300, 64, 1)).astype(np.float32)
    ways = set()
    moved = shift_images(data, noise, 2, np.random.default_rng(0)).reshape(-1, 8, 8)
    for before, after in zip(noise.reshape(-1, 8, 8), moved, strict=True):
        ways.add(tuple(int(i[0]) for i in np.nonzero(after == before[4, 4])))
    assert ways == {(i, j) for i in range(2, 7) for j in range(2, 7)}  # both ends, in both axes
    assert shift_images(data, inputs, 0, np.random.default_rng(0)) is inputs


@pytest.mark.parametrize(
    "block",
    [
        (),
        ("model.activation=none", "model.mixing=relu", "model.residual=false", "model.norm=batch"),
        ("model.activation=glu", "model.mixing=tanh", "model.pooling=last"),
        ("model.family=s4block", "model.copies=2", "model.discretisation=bilinear"),
        ("model.family=s5", "model.bidirectional=true"),
        ("model.family=lru",),
    ],
)
def test_quantised_training_equals_the_run_sample_by_sample(
    run: Callable[..., Any], tmp_path: Path, block: tuple[str, ...]
) -> None:
    """What training measured is what the simulator rebuilds from the file."""
    from imssa_sim.functional.digital import run_digital

    run("float.safetensors", *block)
    start = f"model.checkpoint={tmp_path / 'float.safetensors'}"
    settings = (*block, start, "quantise={bits: 5, lowering: [7]}", "train.dropout=0")
    found = run("a.safetensors", *settings)
    run("b.safetensors", *settings)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    stored = load_checkpoint(tmp_path / "a.safetensors")
    assert stored.quantisers is not None
    assert stored.quantisers.bits.state == 5
    assert [record.epoch for record in found.history] == [0, 1, 2]
    data = small_digits("sdigits", 8, True)
    part = data.validation
    predictions = run_digital(stored.quantisers.quantise(stored.network), part.inputs).predictions
    best = stored.metadata["epochs"]["best"]
    assert best >= 2  # the first stage ends before
    measured = found.history[best - 1].validation_score
    assert float(np.mean(predictions == part.labels)) == measured
    assert stored.metadata["accuracy"]["validation"] == measured
    assert stored.metadata["accuracy"]["of"] == "integers"


@pytest.mark.parametrize(
    "section",
    [
        "{bits: 5, lowering: [7]}",
        "{bits: 5, lowering: [7], calibration: {granularity: {kernel_input: channel}}}",
        "{bits: {default: 5, state: 10}, lowering: [7], form: delta}",
    ],
    ids=["lookahead", "inputs by channel", "delta"],
)
def test_interrupted_quantised_training_repeats_the_uninterrupted_one(
    run: Callable[..., Any], tmp_path: Path, section: str
) -> None:
    """In each stage, behind the last epoch of one, and behind all of them."""
    settings = (f"quantise={section}", "train.dropout=0", "train.lr=0.1", "train.ssm_lr=0.1")
    whole = run("whole.safetensors", *settings)
    for after in (1, 2, 3):

        def stop(line: str, after: int = after) -> None:
            if line.startswith(f"epoch   {after}/"):
                raise KeyboardInterrupt

        name = f"parts{after}.safetensors"
        with pytest.raises(KeyboardInterrupt):
            run(name, *settings, report=stop)
        run(name, *settings)
        assert (tmp_path / name).read_bytes() == whole.checkpoint.path.read_bytes(), after


def test_each_stage_begins_in_its_epoch(run: Callable[..., Any]) -> None:
    lines: list[str] = []
    settings = ("quantise={bits: 5, lowering: [7, 6]}", "train.dropout=0", "train.epochs=3")
    run("a.safetensors", *settings, report=lines.append)
    told = [line[:13] for line in lines if line.startswith(("now at", "epoch"))]
    assert told == [
        "now at 7 bits", "epoch   1/3  ", "now at 6 bits", "epoch   2/3  ", "now at 5 bits",
        "epoch   3/3  ",
    ]  # fmt: skip


CHIP = """
workload: chip
model: {layers: 1, width: 6, state: 4, inputs: 1, classes: 10}
data: {name: sdigits}
hardware:
  chip: {tile: {rows: 24, columns: 48, cell: cells/taox_imssa}}
  adc: {card: adc/survey_andrulis_2024}
evaluate: {time_since_programming: 1 min}
"""


def test_training_on_chips_repeats_and_counts_only_epochs_on_chips(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP)
    settings = (f"quantise={{bits: 8, chip: {tmp_path / 'chip.yaml'}, chip_from: 1}}",)
    settings += ("train.dropout=0", "train.clip=1", "train.epochs=2")
    run("a.safetensors", *settings)
    run("b.safetensors", *settings)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    stored = load_checkpoint(tmp_path / "a.safetensors")
    assert stored.metadata["epochs"]["best"] == 2
    assert stored.metadata["config"]["quantise"]["chip"] == "chip.yaml"


def test_pruned_training_starts_from_the_most_salient_modes(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    run("whole.safetensors", "model.state=8")
    start = f"model.checkpoint={tmp_path / 'whole.safetensors'}"
    run("half.safetensors", start, "prune={state: 8}", "model.state=4", "train.epochs=1")
    assert load_checkpoint(tmp_path / "half.safetensors").network.modes == 2
    with pytest.raises(ConfigError, match="nothing to prune"):
        run("none.safetensors", "prune={state: 8}")


def test_pruned_shares_stay_pruned_in_training_and_in_the_checkpoint(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    run("whole.safetensors", "model.state=8")
    start = (f"model.checkpoint={tmp_path / 'whole.safetensors'}", "model.state=8")
    prune = "prune={kernels: 0.25, modes: 0.5}"
    for name, more in (("float", ()), ("qat", ("quantise={bits: 6}",))):
        run(f"{name}.safetensors", *start, prune, *more)
        loaded = load_checkpoint(tmp_path / f"{name}.safetensors")
        whole = load_checkpoint(tmp_path / "whole.safetensors").network
        kernels = len(whole.layers) * whole.width
        kept = [kept_modes(layer.kernel) for layer in loaded.network.layers]
        left = kernels - round(0.25 * kernels)
        assert sum(len(entry.channels) for entry in kept) == left
        modes = left * whole.modes
        assert sum(int(entry.count.sum()) for entry in kept) == modes - round(0.5 * modes)
    assert loaded.quantisers is not None
    quantised = loaded.quantisers.quantise(loaded.network)
    assert sum(layer.kernel.channels for layer in quantised.layers) == left


def test_stages_that_do_not_fit_the_epochs_are_refused(run: Callable[..., Any]) -> None:
    with pytest.raises(InputError, match="too few for the 4 stages"):
        run("a.safetensors", "quantise={bits: 5, lowering: [8, 7, 6]}")


def test_chip_whose_form_differs_is_refused(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(CHIP)
    section = f"quantise={{bits: 8, form: separate, chip: {tmp_path / 'chip.yaml'}}}"
    with pytest.raises(InputError, match=r"needs quantise\.form: lookahead"):
        run("a.safetensors", section)


DELTA_CHIP = (
    CHIP.replace("  adc: {", "  mapping: {kernel: fused_delta}\n  adc: {bits: 6, ")
    + "bits: {default: 4, state: 10}\n"
)


def test_increments_train_in_few_bits_and_a_run_takes_the_quantisers_as_they_are(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    from imssa_sim.config.load import load_config
    from imssa_sim.functional.digital import run_digital
    from imssa_sim.simulation.inputs import prepare_inputs
    from imssa_sim.simulation.quantisation import quantise_network

    settings = "quantise={bits: {default: 4, state: 10}, lowering: [6], form: delta}"
    found = run("a.safetensors", settings, "train.dropout=0")
    stored = load_checkpoint(tmp_path / "a.safetensors")
    assert stored.quantisers is not None
    assert stored.quantisers.bits.described() == dict.fromkeys(BIT_KINDS, 4) | {
        "state": 10,
        "drive": 4,
    }
    own = stored.quantisers.quantise(stored.network)
    assert own.layers[0].kernel.form.name == "delta"
    assert len(stored.quantisers.turns) == len(own.layers)
    data = small_digits("sdigits", 8, True).validation
    predictions = run_digital(own, data.inputs).predictions
    best = found.history[stored.metadata["epochs"]["best"] - 1]
    assert float(np.mean(predictions == data.labels)) == best.validation_score

    (tmp_path / "chip.yaml").write_text(DELTA_CHIP)
    checkpoint = f"model.checkpoint={tmp_path / 'a.safetensors'}"
    notes: list[str] = []
    for drivers, same in (("hardware.dac.bits=4", True), ("hardware.dac.bits=6", False)):
        config = load_config(tmp_path / "chip.yaml", [checkpoint, drivers]).config
        again = quantise_network(config, prepare_inputs(config), notes.append)
        scale = again.layers[0].kernel.state_scale
        assert np.array_equal(scale, own.layers[0].kernel.state_scale) == same
        assert (not notes) == same
    assert "bits.drive 6 instead of 4" in notes[0]


def test_increments_train_on_chips(run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text(DELTA_CHIP)
    bits = "bits: {default: 4, state: 10}, form: delta"
    settings = (f"quantise={{{bits}, chip: {tmp_path / 'chip.yaml'}, chip_from: 1}}",)
    settings += ("train.dropout=0", "train.clip=1", "train.epochs=2")
    run("a.safetensors", *settings)
    stored = load_checkpoint(tmp_path / "a.safetensors")
    assert stored.quantisers is not None
    assert stored.quantisers.bits.drive == 8  # of the chip's drivers
    assert stored.metadata["epochs"]["best"] == 2
    with pytest.raises(InputError, match=r"fused_delta, which needs quantise\.form: delta"):
        run("b.safetensors", settings[0].replace(", form: delta", ""))


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("{bits: {default: 4, drive: 4}}", r"quantise\.form: lookahead states drive .* whole"),
        ("{bits: {default: 4, state: 8, drive: 3}, form: delta}", r"bits\.drive is 3; give at"),
        ("{bits: 4, form: increments}", "quantise.form"),
    ],
)
def test_drives_that_cannot_be_are_refused(
    run: Callable[..., Any], section: str, message: str
) -> None:
    with pytest.raises((InputError, ConfigError), match=message):
        run("a.safetensors", f"quantise={section}")


def test_modes_keep_the_least_damping(run: Callable[..., Any]) -> None:
    network = run("a.safetensors", "train.damping=0.3").checkpoint.network
    kernel = network.layers[0].kernel
    damping = -kernel.A.real * kernel.dt[:, None]
    assert damping.min() == pytest.approx(0.3, rel=1e-5)
    free = run("b.safetensors").checkpoint.network.layers[0].kernel
    assert (-free.A.real * free.dt[:, None]).min() < 0.1
