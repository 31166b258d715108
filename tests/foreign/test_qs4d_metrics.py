import pytest

from imssa_sim.errors import InputError
from imssa_sim.foreign.qs4d_metrics import SCIFAR, PaperWidths, paper_metrics

FLOAT = paper_metrics(SCIFAR, PaperWidths.all(32))


def test_the_printed_totals_in_floating_point() -> None:
    assert float(f"{FLOAT.effort:.5g}") == 2.0277e8
    assert FLOAT.kilobytes == 787.456
    assert float(f"{FLOAT.adc:.5g}") == 2.1343e6


def test_example_of_mixed_widths_near_the_printed_reductions() -> None:
    after = paper_metrics(SCIFAR, PaperWidths(9, 4, 10, 9, 7, 6))
    during = paper_metrics(SCIFAR, PaperWidths(5, 2, 5, 5, 4, 4))
    assert after.reductions(FLOAT) == pytest.approx((93.67, 79.17, 68.75), abs=0.25)
    assert during.reductions(after) == pytest.approx((71.42, 44.44, 50), abs=0.6)


def test_adc_complexity_is_linear_in_bits() -> None:
    four, eight = (paper_metrics(SCIFAR, PaperWidths.all(b)) for b in (4, 8))
    assert eight.adc == 2 * four.adc
    assert eight.size == 2 * four.size
    assert eight.effort == 4 * four.effort


def test_widths_by_layer() -> None:
    same = PaperWidths((6,) * 4, 6, (6,) * 4, 6, 6, 6)
    assert paper_metrics(SCIFAR, same) == paper_metrics(SCIFAR, PaperWidths.all(6))
    with pytest.raises(InputError, match="A has 3 widths, but there are 4 layers"):
        paper_metrics(SCIFAR, PaperWidths((6,) * 3, 6, 6, 6, 6, 6))
