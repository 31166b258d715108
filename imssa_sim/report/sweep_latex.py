"""The table of a sweep for a paper (LaTeX with booktabs)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from imssa_sim.report.sweep import failures, head_and_cells
from imssa_sim.report.sweep_rows import rows_of, spread_meaning

if TYPE_CHECKING:
    from collections.abc import Sequence

    from imssa_sim.sweeps.plan import SweepPlan
    from imssa_sim.sweeps.store import PointResult

_SPECIAL = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "±": r"$\pm$", "µ": r"\textmu{}", "²": "$^2$",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}  # fmt: skip
_SIGN = re.compile("|".join(map(re.escape, _SPECIAL)))


def escaped(text: str) -> str:
    """Return a text as LaTeX sets it."""
    return _SIGN.sub(lambda found: _SPECIAL[found[0]], text)


def latex_table(plan: SweepPlan, results: Sequence[PointResult]) -> str:
    """Return the table of the screen as a ``tabular``; comments say what is averaged or missing."""
    rows = rows_of(plan, results)
    head, cells = head_and_cells(plan, rows)
    axes = len(plan.axes)
    lines = [
        f"% {' '.join((plan.description or plan.name).split())}",
        f"% with \\usepackage{{booktabs}}; ± standard deviation {spread_meaning(rows)}",
        *(f"% {' '.join(line.split())}" for line in failures(plan, rows)),
        rf"\begin{{tabular}}{{{'l' * axes}{'r' * (len(head) - axes)}}}",
        r"\toprule",
        _row([name.replace("\n", " ") for name in head]),
        r"\midrule",
        *map(_row, cells),
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join([*lines, ""])


def _row(texts: Sequence[str]) -> str:
    return " & ".join(map(escaped, texts)) + r" \\"
