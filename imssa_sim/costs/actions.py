"""Energy of every action of a Program, and of what it entails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from imssa_sim.components.path import ComponentPath
from imssa_sim.costs import array
from imssa_sim.costs.adc import dynamic_energy
from imssa_sim.costs.costs import Account, ActionCost, Term
from imssa_sim.costs.dac import dac_form
from imssa_sim.costs.digital import Digital, accumulator_bits
from imssa_sim.costs.interconnect import bus_form, off_chip_form
from imssa_sim.costs.parameters import Number, Parameters
from imssa_sim.costs.pricing import Pricing, table_bytes
from imssa_sim.errors import InternalError

if TYPE_CHECKING:
    from imssa_sim.mapping.program import Action, Stage


class ActionPrices(Pricing):
    """Prices of actions; parameters as for `Pricing`."""

    def _priced(self, action: Action, stage: Stage) -> Iterator[ActionCost]:
        tile, bits = self.hardware.chip.tile, action.bits
        if action.kind == "dac":
            form, own = dac_form(self.dac), self.hardware.dac.bits
            yield self._action(
                action, self.term(self.dac, lambda p: form.energy(p, own), ("dac", own))
            )
            charge = self.array_term(
                lambda p, w: array.word_line_charge(p, w, tile.columns, self.feature),
                ("word_line",),
            )
            path = ComponentPath(action.component).sibling("array")
            yield self._beside(path, "word_line", "charge", charge)
        elif action.kind == "array":
            yield self._action(action, self._estimated_read(action, stage))
        elif action.kind == "adc":
            yield self._action(action, self.term(self.adc, self._conversion, ("adc",)))
            samples = 1 if tile.weights == "offset" else 2
            lines = samples * tile.devices
            charge = self.array_term(
                lambda p, w: array.bit_line_charge(
                    p, w, tile.rows, self.feature, tile.read_voltage
                ),
                ("bit_line",),
            )
            path = ComponentPath(action.component).sibling("array")
            yield self._beside(path, "bit_line", "charge", charge, lines * _pulses(action, stage))
            sample = self.term(self.card(tile.array), lambda p: p["sample_energy"], ("sample",))
            yield self._beside(path, "sample_hold", "sample", sample, samples)
        elif action.kind == "buffer":
            size = self.buffer_bytes(action, stage)
            yield self._action(action, self.memory_term(size, bits))
        elif action.kind == "bus":
            card, tiles = self.card(self.hardware.bus.card), self.program.tiles_available
            link = bus_form(card)
            term = self.term(card, lambda p: link.energy(p, tiles) * bits, ("bus", bits))
            yield self._action(action, term)
        elif action.kind == "off_chip":
            yield from self._off_chip(action)
        else:
            yield from self._digital_action(action)

    def _conversion(self, p: Parameters) -> Number:
        return dynamic_energy(p, self.adc_point)

    def _off_chip(self, action: Action) -> Iterator[ActionCost]:
        if action.card is None:
            return
        card, bits = self.card(action.card), action.bits
        term = self.term(card, lambda p: off_chip_form(card).energy(p, 1) * bits)
        yield self._action(action, term, account="off_chip")

    def _digital_action(self, action: Action) -> Iterator[ActionCost]:
        bits = action.bits
        if action.kind == "lut":
            yield self._action(action, self.memory_term(table_bytes(bits), bits))
            return
        price: dict[str, Callable[[Digital], Number]] = {
            "shift_add": lambda d: d.add(accumulator_bits(bits)),
            "adder": lambda d: d.add(accumulator_bits(bits)),
            "requantiser": lambda d: self._requantise(d, action),
            "multiplier": lambda d: d.multiply(bits, bits),
            "norm": lambda d: d.normalise(bits),
            "mac": lambda d: d.mac(bits),
            "register": lambda d: d.register(bits),
        }
        if action.kind not in price:
            raise InternalError(f"{action.component}: no cost for actions of kind '{action.kind}'")
        yield self._action(action, self.digital_term(price[action.kind], self.digital_key(action)))
        if action.kind == "mac":
            term = self.memory_term(self.weight_bytes, bits)
            yield ActionCost(f"{action.component}.weights", "memory", "read", 1, "dynamic", (term,))

    def _requantise(self, digital: Digital, action: Action) -> Number:
        bits = self.requantised_bits(action)
        return digital.round_and_clip(bits) if self.aligned(action) else digital.requantise(bits)

    def _estimated_read(self, action: Action, stage: Stage) -> Term:
        hardware, tile = self.hardware, self.hardware.chip.tile
        encoding = hardware.dac.encoding
        tiles = self.tiles.get(stage.path)
        if tiles is None:
            raise InternalError(f"{action.component}: reads tiles, but none stand at {stage.path}")
        conductance = self.tile_conductance(tiles)
        pulse = array.full_pulse(encoding, action.bits, hardware.dac.lsb_time, tile.read_time)
        return self.term(
            self.card(tile.array),
            lambda p: array.estimated_read(p, encoding, conductance, tile.read_voltage, pulse),
        )

    def bypass_actions(self) -> Iterator[tuple[str, ActionCost]]:
        """Yield (stage path, cost of one word written or read) of the residual FIFOs."""
        bits = self.program.network.bits.activations
        for bypass in self.program.bypasses:
            term = self.memory_term(self.bypass_bytes(bypass.capacity), bits)
            for action in ("write", "read"):
                path = f"{bypass.target}.bypass"
                yield bypass.target, ActionCost(path, "buffer", action, 1, "dynamic", (term,))

    def _action(self, action: Action, *terms: Term, account: Account = "dynamic") -> ActionCost:
        return ActionCost(action.component, action.kind, action.verb, 1, account, terms)

    def _beside(
        self, component: str, kind: str, action: str, term: Term, per: int = 1
    ) -> ActionCost:
        return ActionCost(component, kind, action, per, "dynamic", (term,))


def _pulses(conversion: Action, stage: Stage) -> int:
    """Return how often the word lines were driven for a conversion: the read's before it."""
    pulses = 1
    for action in stage.actions:
        if action.kind == "array":
            pulses = action.serial
        if action is conversion:
            break
    return pulses
