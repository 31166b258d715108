"""The recurrent kernel against its plain twin, and against itself in other groupings."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imssa_sim.kernels.read_circuit import FusedOutput, ReadCircuit, RecurrentWiring, ShotNoise
from imssa_sim.kernels.recurrent import run_recurrent
from imssa_sim.kernels.tiles import pack_tiles

pytestmark = pytest.mark.usefixtures("blocks_of_16")
WHERE = {"seed": 3, "chip": 1, "site": 2}
T, S, I, O = 4, 19, 2, 2  # noqa: E741
R, C = S + I, S + O
LIMIT = 127


def parameters(rng, *, noise, tables, integer=False):
    weights = rng.integers(-31, 32, (T, R, C)).astype(np.float64)
    if not integer:
        weights += rng.normal(0, 0.3, weights.shape)
    n_states, n_inputs, n_outputs = [S, S - 1, 3, 0], [2, 2, 1, 2], [2, 1, 2, 2]
    variance = None
    if noise:
        # most cells of a column share a value, as empty cells do
        flat = rng.uniform(0.2, 0.6, (T, 1, C))
        useful = rng.random((T, R, C)) < (0.15 if noise == "flat" else 1)
        variance = np.where(useful, rng.uniform(0, 3, (T, R, C)), flat)
    return {
        "weights": weights,
        "n_states": n_states,
        "n_inputs": n_inputs,
        "n_outputs": n_outputs,
        "input_channel": np.arange(T * I).reshape(T, I) - 1,  # the first is not connected
        "adc_scale": 0.05 + 0.01 * rng.random((T, C)),
        "adc_offset": 0.5,
        "adc_low": -128,
        "adc_high": 127,
        "adc_table": rng.integers(-128, 128, (T, C, 256)) if tables else None,
        "dac_levels": np.arange(-LIMIT, LIMIT + 1) + rng.normal(0, 0.1, 2 * LIMIT + 1)
        if tables
        else None,
        "dac_steps": np.arange(-LIMIT, LIMIT + 1) * 2 // 3 if tables else None,
        "variance": variance,
        "extra_variance": 0.7 if noise else 0.0,
        "state_multiplier": rng.integers(2**22, 2**24, (T, S)),
        "state_shift": 23,
        "state_limit": LIMIT,
    }


def pack(p, dtype=None, output=None):
    flat = 0.0 if p["variance"] is None else np.median(p["variance"], axis=1)
    shot = None
    if p.get("shot_variance") is not None:
        shot = ShotNoise(p["shot_variance"], p["pulse_power"])
    n_states, n_inputs, n_outputs = (np.array(p[f"n_{n}"]) for n in ("states", "inputs", "outputs"))
    circuit = ReadCircuit(
        weights=p["weights"], rows_used=n_states + n_inputs, columns_used=n_states + n_outputs,
        limit=LIMIT, adc_scale=p["adc_scale"], adc_offset=p["adc_offset"], adc_low=p["adc_low"],
        adc_high=p["adc_high"], adc_table=p["adc_table"], dac_levels=p["dac_levels"],
        dac_steps=p["dac_steps"],
        variance=None if p["variance"] is None else p["variance"] - flat[:, None],
        flat_variance=flat, constant_variance=p["extra_variance"], shot=shot,
        slices=p.get("slices", 1), slice_gain=p.get("slice_gain", 1.0),
    )  # fmt: skip
    gain = np.ldexp(p["state_multiplier"].astype(float), -p["state_shift"])
    wiring = RecurrentWiring(n_states, p["input_channel"], gain, p["state_limit"], output)
    return pack_tiles(circuit, wiring, dtype=dtype)


def without_states(weights, limit, scale, offset, bound, **more):
    """One tile whose rows are all inputs and whose columns are all outputs."""
    _, rows, columns = weights.shape
    circuit = ReadCircuit(
        weights=weights, rows_used=np.array([rows]), columns_used=np.array([columns]), limit=limit,
        adc_scale=scale, adc_offset=offset, adc_low=-bound, adc_high=bound, **more,
    )  # fmt: skip
    return circuit, RecurrentWiring(np.array([0]), np.arange(rows)[None], 1.0, 1)


def random_codes(rng, samples, steps):
    return rng.integers(-LIMIT, LIMIT + 1, (samples, steps, T * I)).astype(np.int16)


def assert_same(result, other):
    for field in dataclasses.fields(result):
        np.testing.assert_array_equal(
            getattr(result, field.name), getattr(other, field.name), err_msg=field.name
        )


def joined(parts):
    """The result that the batches together must give."""
    first = parts[0]
    return dataclasses.replace(
        first,
        outputs=np.concatenate([p.outputs for p in parts]),
        state=np.concatenate([p.state for p in parts]),
        rest=np.concatenate([p.rest for p in parts]),
        **{
            name: sum(getattr(p, name) for p in parts)
            for name in (
                "saturated_low", "saturated_high", "sum_squares", "sum_magnitudes", "non_zeros",
                "drives", "saturated_states",
            )
        },
    )  # fmt: skip


def in_pieces(tiles, codes, ids, two_pass):
    """34 samples in batches of 1, of 20 (16 abreast, the rest alone) and of 13, on two threads."""
    parts = [
        run_recurrent(
            tiles, codes[i : i + size], sample_ids=ids[i : i + size], two_pass=two_pass, threads=2,
            **WHERE,
        )
        for i, size in ((0, 1), (1, 20), (21, 13))
    ]  # fmt: skip
    return joined(parts)


@pytest.mark.parametrize("two_pass", [False, True])
@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("noise", [False, "dense", "flat"])
def test_float64_equals_the_twin(twins, noise, tables, two_pass):
    rng = np.random.default_rng(7)
    p = parameters(rng, noise=noise, tables=tables)
    codes, ids = random_codes(rng, 24, 5), rng.permutation(1000)[:24]
    tiles = pack(p, np.float64)
    result = run_recurrent(tiles, codes, sample_ids=ids, two_pass=two_pass, **WHERE)
    parts = [
        run_recurrent(tiles, codes[:n], sample_ids=ids[:n], two_pass=two_pass, **WHERE)
        for n in (2, 14)  # one by one, 16 abreast
    ]
    twin = twins.Twin(**p)
    outputs, state = twins.run(twin, codes, ids, two_pass=two_pass, **WHERE)
    np.testing.assert_array_equal(result.outputs, outputs)
    np.testing.assert_array_equal(result.state, state)
    for part in parts:
        np.testing.assert_array_equal(part.outputs, outputs[: len(part.outputs)])
        np.testing.assert_array_equal(part.state, state[: len(part.state)])
    np.testing.assert_array_equal(result.saturated_low, twin.low)
    np.testing.assert_array_equal(result.saturated_high, twin.high)
    np.testing.assert_array_equal(result.sum_squares, twin.squares)
    np.testing.assert_array_equal(result.sum_magnitudes, twin.magnitudes)
    np.testing.assert_array_equal(result.non_zeros, twin.non_zeros)
    assert result.drives == 24 * 5 * (2 if two_pass else 1)
    assert twin.low.sum() > 0
    assert twin.high.sum() > 0


def with_shot(rng, p):
    """The same tiles with a further noise that goes with a table of the codes."""
    power = np.abs(np.arange(-LIMIT, LIMIT + 1)) * rng.uniform(0.5, 1.5, 2 * LIMIT + 1)
    return {**p, "shot_variance": rng.uniform(0, 90, p["weights"].shape), "pulse_power": power}


@pytest.mark.parametrize("two_pass", [False, True])
@pytest.mark.parametrize("tables", [False, True])
@pytest.mark.parametrize("noise", ["dense", "flat"])
def test_shot_noise_equals_the_twin_and_itself(twins, noise, tables, two_pass):
    rng = np.random.default_rng(21)
    p = with_shot(rng, parameters(rng, noise=noise, tables=tables))
    codes, ids = random_codes(rng, 34, 4), rng.permutation(1000)[:34]
    tiles = pack(p, np.float64)
    result = run_recurrent(tiles, codes, sample_ids=ids, two_pass=two_pass, **WHERE)
    twin = twins.Twin(**p)
    outputs, state = twins.run(twin, codes, ids, two_pass=two_pass, **WHERE)
    np.testing.assert_array_equal(result.outputs, outputs)
    np.testing.assert_array_equal(result.state, state)
    np.testing.assert_array_equal(result.sum_squares, twin.squares)
    quiet = pack({**p, "shot_variance": None}, np.float64)
    other = run_recurrent(quiet, codes, sample_ids=ids, two_pass=two_pass, **WHERE)
    assert (other.outputs != result.outputs).mean() > 0.1
    assert_same(in_pieces(tiles, codes, ids, two_pass), result)


def test_a_power_for_each_code_is_demanded():
    rng = np.random.default_rng(3)
    p = with_shot(rng, parameters(rng, noise="dense", tables=False))
    with pytest.raises(ValueError, match=r"shot.power must be \(255,\)"):
        pack({**p, "pulse_power": p["pulse_power"][1:]})


def sliced(rng, p, slices):
    """The same tiles with ``slices`` columns for each one, their codes weighted 1, 4, 16, …."""
    wide = parameters(rng, noise=p["variance"] is not None, tables=False)
    spread = {
        name: np.repeat(p[name], slices, axis=-1) * rng.uniform(0.8, 1.2, slices * C)
        for name in ("weights", "adc_scale")
    }
    if p["variance"] is not None:
        spread["variance"] = np.repeat(wide["variance"], slices, axis=2)
    if p["adc_table"] is not None:
        spread["adc_table"] = rng.integers(-128, 128, (T, slices * C, 256))
    gain = np.tile(4.0 ** np.arange(slices), (T, C))
    return {**p, **spread, "slices": slices, "slice_gain": gain, "state_shift": 26}


@pytest.mark.parametrize("slices", [2, 3])
@pytest.mark.parametrize("two_pass", [False, True])
@pytest.mark.parametrize("tables", [False, True])
def test_slices_equal_the_twin_and_each_other(twins, tables, two_pass, slices):
    """The state requantisers see the sums of the shifted codes of all slices."""
    rng = np.random.default_rng(17)
    p = sliced(rng, parameters(rng, noise="dense", tables=tables), slices)
    codes, ids = random_codes(rng, 34, 4), rng.permutation(1000)[:34]
    tiles = pack(p, np.float64)
    result = run_recurrent(tiles, codes, sample_ids=ids, two_pass=two_pass, **WHERE)
    twin = twins.Twin(**p)
    outputs, state = twins.run(twin, codes, ids, two_pass=two_pass, **WHERE)
    np.testing.assert_array_equal(result.outputs, outputs)
    np.testing.assert_array_equal(result.state, state)
    np.testing.assert_array_equal(result.saturated_low, twin.low)
    np.testing.assert_array_equal(result.saturated_high, twin.high)
    assert 0 < (np.abs(state) < LIMIT).mean() < 1
    assert np.abs(outputs).max() > 300  # beyond a single converter's codes
    assert_same(in_pieces(tiles, codes, ids, two_pass), result)


def test_slices_that_add_up_to_wide_codes_take_float64():
    rng = np.random.default_rng(3)
    p = sliced(rng, parameters(rng, noise=False, tables=False), 2)
    assert pack(p).dtype == np.float32
    assert pack({**p, "slice_gain": p["slice_gain"] * 2**15}).dtype == np.float64
    with pytest.raises(ValueError, match="32 bits"):
        pack({**p, "slice_gain": p["slice_gain"] * 2**23})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_integer_weights_are_exact(twins, dtype):
    rng = np.random.default_rng(8)
    p = parameters(rng, noise=False, tables=False, integer=True)
    # power-of-two steps of the ADC and a lossless one: both are integer arithmetic
    p["adc_scale"], p["adc_offset"], p["adc_low"], p["adc_high"] = (
        np.ones((T, C)),
        0.0,
        -(2**20),
        2**20,
    )
    p["state_shift"] = 30
    codes, ids = random_codes(rng, 33, 6), np.arange(33)
    result = run_recurrent(pack(p, dtype), codes, sample_ids=ids, **WHERE)
    twin = twins.Twin(**p)
    outputs, state = twins.run(twin, codes, ids, two_pass=False, **WHERE)
    np.testing.assert_array_equal(result.outputs, outputs)
    np.testing.assert_array_equal(result.state, state)
    assert pack(p).dtype == np.float32


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("noise", ["dense", "flat"])
@pytest.mark.parametrize("tables", [False, True])
def test_result_is_the_same_in_any_grouping(dtype, noise, tables):
    rng = np.random.default_rng(9)
    tiles = pack(parameters(rng, noise=noise, tables=tables), dtype)
    codes, ids = random_codes(rng, 64, 4), rng.permutation(500)[:64]

    def run(part, **more):
        return run_recurrent(tiles, codes[part], sample_ids=ids[part], **WHERE, **more)

    whole = run(slice(None))
    assert_same(run(slice(None), threads=3), whole)
    assert_same(joined([run(slice(i, i + 1)) for i in range(64)]), whole)
    assert_same(joined([run(slice(i, i + 7)) for i in range(0, 64, 7)]), whole)
    assert_same(joined([run(slice(i, j)) for i, j in ((0, 22), (22, 47), (47, 64))]), whole)
    order = rng.permutation(64)
    shuffled = run(order)
    np.testing.assert_array_equal(shuffled.outputs, whole.outputs[order])
    np.testing.assert_array_equal(shuffled.sum_squares, whole.sum_squares)


def even_driver(bits):
    """Tables of a driver with equal steps, fewer than there are codes."""
    codes, top = np.arange(-LIMIT, LIMIT + 1), 2 ** (bits - 1) - 1
    steps = (np.sign(codes) * np.floor(np.abs(codes) * (top / LIMIT) + 0.5)).astype(int)
    return {"dac_steps": steps, "dac_levels": steps / top * LIMIT}


@pytest.mark.parametrize("bits", range(2, 8))
@pytest.mark.parametrize("samples", [1, 40])
def test_equal_steps_are_worked_out_as_the_tables_have_them(bits, samples):
    p = parameters(np.random.default_rng(bits), noise="dense", tables=False) | even_driver(bits)
    tiles = pack(p, np.float32)
    assert tiles.arrays.dac_grid[0] > 0
    tables = dataclasses.replace(
        tiles, arrays=tiles.arrays._replace(dac_grid=np.zeros(3, np.float32))
    )
    codes = random_codes(np.random.default_rng(1), samples, 9)
    worked_out, looked_up = (
        run_recurrent(t, codes, sample_ids=np.arange(samples), seed=3, chip=0, site=0)
        for t in (tiles, tables)
    )
    assert_same(worked_out, looked_up)


def test_steps_that_differ_are_looked_up():
    p = parameters(np.random.default_rng(1), noise="dense", tables=False) | even_driver(6)
    for name, by in (("dac_levels", 1e-5), ("dac_steps", 1)):
        moved = np.array(p[name])
        moved[3] += by
        assert not pack(p | {name: moved}, np.float32).arrays.dac_grid.any()
    assert not pack(p, np.float64).arrays.dac_grid.any()
    assert not pack(p | {"dac_levels": None}, np.float32).arrays.dac_grid.any()


@given(
    samples=st.integers(1, 90),
    columns=st.integers(2, 41),
    noise=st.sampled_from([False, "dense", "flat"]),
    threads=st.integers(1, 3),
)
@settings(max_examples=30)
def test_any_batch_gives_what_its_samples_give_alone(samples, columns, noise, threads):
    """Blocks of 32 and of 16 and single samples, whatever columns are left over."""
    rng = np.random.default_rng(samples)
    variance = None if not noise else rng.uniform(0, 3, (1, 3, columns))
    if noise == "flat":
        variance *= rng.random(variance.shape) < 0.2
    circuit = ReadCircuit(
        weights=rng.normal(0, 9, (1, 3, columns)), rows_used=np.array([3]),
        columns_used=np.array([columns]), limit=LIMIT, adc_scale=0.05, adc_offset=0.5,
        adc_low=-128, adc_high=127, variance=variance, flat_variance=0.3 if noise else 0.0,
    )  # fmt: skip
    tiles = pack_tiles(circuit, RecurrentWiring(np.array([2]), np.array([[0]]), 0.8, LIMIT))
    codes = random_codes(rng, samples, 3)
    ids = rng.permutation(1000)[:samples]
    whole = run_recurrent(tiles, codes, sample_ids=ids, threads=threads, **WHERE)
    alone = [
        run_recurrent(tiles, codes[b : b + 1], sample_ids=ids[b : b + 1], **WHERE)
        for b in range(samples)
    ]
    assert_same(joined(alone), whole)


@given(cut=st.integers(1, 5), two_pass=st.booleans(), samples=st.sampled_from([1, 9, 25]))
@settings(max_examples=8)
def test_a_sequence_can_be_run_in_pieces(cut, two_pass, samples):
    rng = np.random.default_rng(10)
    tiles = pack(parameters(rng, noise="flat", tables=False))
    codes = random_codes(rng, samples, 6)
    given_to = {"sample_ids": np.arange(samples), "two_pass": two_pass, **WHERE}
    whole = run_recurrent(tiles, codes, **given_to)
    first = run_recurrent(tiles, codes[:, :cut], **given_to)
    kept = first.state.copy()
    second = run_recurrent(tiles, codes[:, cut:], first_step=cut, state=first.state, **given_to)
    np.testing.assert_array_equal(
        np.concatenate([first.outputs, second.outputs], axis=1), whole.outputs
    )
    np.testing.assert_array_equal(second.state, whole.state)
    np.testing.assert_array_equal(first.state, kept)


@pytest.mark.parametrize("samples", [1, 40, 62])
def test_fused_output_is_the_requantised_adc_code(twins, samples):
    rng = np.random.default_rng(11)
    p = parameters(rng, noise="dense", tables=False)
    channel = rng.permutation(9)[: T * O].reshape(T, O) - 1  # one column is not given out
    codes = random_codes(rng, samples, 5)
    plain = run_recurrent(pack(p), codes, sample_ids=np.arange(samples), **WHERE)
    output = FusedOutput(channel, 11_000_001 / 2**24, limit=60, channels=10)
    fused = run_recurrent(pack(p, output=output), codes, sample_ids=np.arange(samples), **WHERE)
    assert fused.outputs.dtype == np.int16
    expected = np.zeros((samples, 5, 10), np.int64)
    for t in range(T):
        for o in range(p["n_outputs"][t]):
            if channel[t, o] >= 0:
                adc = plain.outputs[:, :, t, o]
                flat = twins.requantise(adc.ravel(), 11_000_001, 24, 60)
                expected[:, :, channel[t, o]] = flat.reshape(adc.shape)
    np.testing.assert_array_equal(fused.outputs, expected)
    np.testing.assert_array_equal(fused.state, plain.state)


def test_statistics_stay_exact_over_many_steps():
    # 12-bit codes: a float32 sum of squares loses its last bits after 4 additions
    codes = np.full((33, 50, 1), -2047, np.int16)
    circuit = ReadCircuit(
        weights=np.ones((1, 2, 2)) * 0.01, rows_used=np.array([2]), columns_used=np.array([2]),
        limit=2047, adc_scale=1.0, adc_offset=0.5, adc_low=-2047, adc_high=2047,
    )  # fmt: skip
    wiring = RecurrentWiring(np.array([1]), np.array([[0]]), 0.5, 2047)
    tiles = pack_tiles(circuit, wiring, dtype=np.float32)
    result = run_recurrent(tiles, codes, sample_ids=np.arange(33), **WHERE)
    assert result.sum_squares[0, 1] == 33 * 50 * 2047**2
    assert result.sum_magnitudes[0, 1] == 33 * 50 * 2047
    assert result.non_zeros[0, 1] == 33 * 50


def test_float32_sums_stay_within_the_bound():
    # |fl(sum) - sum| <= gamma_n sum |w v|, gamma_n = n u / (1 - n u) (Higham 2002, eq. 3.5)
    rng = np.random.default_rng(12)
    rows, limit = 65, 127
    weights = rng.normal(0, 1, (1, rows, 16))
    codes = rng.integers(-limit, limit + 1, (40, 1, rows)).astype(np.int16)
    scale = 2.0**7  # ADC steps so fine that its codes show the error
    tiles = pack_tiles(*without_states(weights, limit, scale, 0.0, 2**23), dtype=np.float32)
    result = run_recurrent(tiles, codes, sample_ids=np.arange(40), **WHERE)
    single = weights[0].astype(np.float32).astype(np.float64)
    exact = codes[:, 0].astype(np.float64) @ single
    unit = 2.0**-24
    gamma = rows * unit / (1 - rows * unit)
    bound = gamma * (np.abs(codes[:, 0]).astype(np.float64) @ np.abs(single))
    error = (result.outputs[:, 0, 0] + 0.5) / scale - exact
    assert (np.abs(error) <= bound + 0.5 / scale).all()


def test_noise_has_the_variance_of_the_cells():
    rng = np.random.default_rng(13)
    rows = 8
    variance = rng.uniform(0.5, 2, (1, rows, 2))
    code = rng.integers(-5, 6, rows)
    steps = 20_000
    noise = {"variance": variance, "constant_variance": 3.0}
    tiles = pack_tiles(*without_states(np.zeros((1, rows, 2)), 127, 64.0, 0.5, 2**20, **noise))
    codes = np.broadcast_to(code, (1, steps, rows)).astype(np.int16)
    result = run_recurrent(tiles, codes, sample_ids=[0], **WHERE)
    sums = result.outputs[0, :, 0] / 64
    expected = (code**2) @ variance[0] + 3.0
    assert np.abs(sums.var(axis=0) / expected - 1).max() < 4.9 * np.sqrt(2 / steps)
    silent = run_recurrent(tiles, codes, sample_ids=[0], noise=False, **WHERE)
    assert not silent.outputs.any()


def test_wide_sums_take_float64():
    rng = np.random.default_rng(14)
    p = parameters(rng, noise=False, tables=False, integer=True)
    p["weights"] = p["weights"] * 2**14
    assert pack(p | {"adc_low": -(2**40), "adc_high": 2**40}).dtype == np.float64
    assert pack(p | {"weights": p["weights"] / 2**14}).dtype == np.float32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.zeros((R, C))}, r"\(T, R, C\)"),
        ({"weights": np.full((T, R, C), np.nan)}, "finite"),
        ({"n_states": [R, R, R, R]}, "rows_used"),
        ({"n_outputs": [O + 1, O, O, O]}, "columns_used"),
        ({"n_inputs": [-1, I, I, I]}, "more states"),
        ({"state_limit": LIMIT + 1}, "beyond the 127"),
        ({"dac_levels": np.zeros(3)}, "dac_levels"),
        ({"adc_table": np.zeros((1, 2, 3))}, "adc_table"),
        ({"input_channel": np.zeros((T, 1))}, "input_channel"),
        ({"weights": np.full((T, R, C), 2.0**28), "adc_high": 2**40, "adc_scale": 1}, "32 bits"),
    ],
)
def test_wrong_shapes_are_named(change, message):
    p = parameters(np.random.default_rng(0), noise=False, tables=False)
    with pytest.raises(ValueError, match=message):
        pack(p | change)


def test_wrong_calls_are_named():
    rng = np.random.default_rng(0)
    tiles, codes = pack(parameters(rng, noise=False, tables=False)), random_codes(rng, 2, 1)
    with pytest.raises(ValueError, match="no sample"):
        run_recurrent(tiles, codes[:0], sample_ids=[], **WHERE)
    with pytest.raises(ValueError, match="sample_ids"):
        run_recurrent(tiles, codes, sample_ids=[1], **WHERE)
    with pytest.raises(ValueError, match="state"):
        run_recurrent(tiles, codes, sample_ids=[1, 2], state=np.zeros((1, 1, 1)), **WHERE)
    with pytest.raises(ValueError, match="channels"):
        run_recurrent(tiles, codes[:, :, :2], sample_ids=[1, 2], **WHERE)
