from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from imssa_sim.traces.order import TimeOrder


@given(st.lists(st.integers(0, 9)), st.integers(0, 9))
def test_items_come_in_order_of_time_then_of_arrival(times, until):
    order = TimeOrder()
    for number, time in enumerate(times):
        order.add(time, number)
    first, rest = list(order.until(until)), list(order.until())
    assert [*first, *rest] == sorted((time, n) for n, time in enumerate(times))
    assert all(time < until for time, _ in first)
