"""Which card entries the rows of a ledger rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imssa_sim.ledger.build import booked, is_array_read

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from imssa_sim.components.parameters import Use
    from imssa_sim.costs.model import CostModel
    from imssa_sim.ledger.ledger import Ledger
    from imssa_sim.mapping.program import Program

Booking = tuple[str, str, str]
"""Account (``area`` too), kind of component, action."""


def uses_of(
    program: Program, costs: CostModel, ledger: Ledger
) -> Mapping[Booking, tuple[Use, ...]]:
    """Return the card entries behind each kind of booking.

    Reads of the cells rest on none where their energy comes from the codes and conductances that
    were executed, and writing on none where it was simulated.
    """
    found: dict[Booking, dict[Use, None]] = {}

    def add(booking: Booking, uses: Iterable[Use]) -> None:
        found.setdefault(booking, {}).update(dict.fromkeys(uses))

    by_kind: dict[str, dict[Use, None]] = {}
    for _, cost, _ in booked(program, costs):
        uses = dict.fromkeys(use for term in cost.terms for use in term.uses)
        by_kind.setdefault(cost.kind, {}).update(uses)
        if not (is_array_read(cost.kind, cost.action) and ledger.array_measured):
            add((cost.account, cost.kind, cost.action), uses)
    for component in costs.components:
        if component.leakage.value:
            add(("leakage", component.kind, "leak"), component.leakage.uses)
        add(("area", component.kind, "area"), component.area.uses)
    writing = dict.fromkeys(use for cost in costs.programming for use in cost.energy.uses)
    for row in ledger.rows:
        # Calibration is priced as reads, by fixed activity.
        if row.action in ("calibrate", "recalibrate", "load"):
            add((row.account, row.kind, row.action), by_kind[row.kind])
        elif row.account.endswith("programming") and not ledger.one_off.simulated:
            add((row.account, row.kind, row.action), writing)
    return {booking: tuple(uses) for booking, uses in found.items()}
