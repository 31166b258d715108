"""Energy of every action that an operation of a Program entails."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

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
    from imssa_sim.mapping.program import Operation, Stage


class ActionPrices(Pricing):
    """Prices of actions; parameters as for `Pricing`."""

    def _priced(self, op: Operation, stage: Stage) -> Iterator[ActionCost]:
        tile, bits = self.hardware.chip.tile, op.bits
        if op.kind == "dac":
            form = dac_form(self.dac)
            yield self._action(
                op, self.term(self.dac, lambda p: form.energy(p, bits), ("dac", bits))
            )
            charge = self.array_term(
                lambda p, w: array.word_line_charge(p, w, tile.columns, self.feature),
                ("word_line",),
            )
            path = op.component.replace(".dac", ".array")
            yield self._beside(path, "word_line", "charge", charge)
        elif op.kind == "array":
            yield self._action(op, self._estimated_read(op, stage))
        elif op.kind == "adc":
            yield self._action(op, self.term(self.adc, self._conversion, ("adc",)))
            samples = 1 if tile.weights == "offset" else 2
            lines = samples * tile.devices
            charge = self.array_term(
                lambda p, w: array.bit_line_charge(
                    p, w, tile.rows, self.feature, tile.read_voltage
                ),
                ("bit_line",),
            )
            path = op.component.replace(".adc", ".array")
            yield self._beside(path, "bit_line", "charge", charge, lines * _pulses(op, stage))
            sample = self.term(self.card(tile.array), lambda p: p["sample_energy"], ("sample",))
            yield self._beside(path, "sample_hold", "sample", sample, samples)
        elif op.kind == "buffer":
            size = self.buffer_bytes(op, stage)
            yield self._action(op, self.memory_term(size, bits))
        elif op.kind == "bus":
            card, tiles = self.card(self.hardware.bus.card), self.program.tiles_available
            link = bus_form(card)
            term = self.term(card, lambda p: link.energy(p, tiles) * bits, ("bus", bits))
            yield self._action(op, term)
        elif op.kind == "off_chip":
            yield from self._off_chip(op)
        else:
            yield from self._digital_action(op)

    def _conversion(self, p: Parameters) -> Number:
        return dynamic_energy(p, self.adc_point)

    def _off_chip(self, op: Operation) -> Iterator[ActionCost]:
        if op.card is None:
            return
        card, bits = self.card(op.card), op.bits
        term = self.term(card, lambda p: off_chip_form(card).energy(p, 1) * bits)
        yield self._action(op, term, account="off_chip")

    def _digital_action(self, op: Operation) -> Iterator[ActionCost]:
        bits = op.bits
        if op.kind == "lut":
            yield self._action(op, self.memory_term(table_bytes(bits), bits))
            return
        price: dict[str, Callable[[Digital], Number]] = {
            "shift_add": lambda d: d.add(accumulator_bits(bits)),
            "adder": lambda d: d.add(accumulator_bits(bits)),
            "requantiser": lambda d: self._requantise(d, op),
            "multiplier": lambda d: d.multiply(bits, bits),
            "norm": lambda d: d.normalise(bits),
            "mac": lambda d: d.mac(bits),
            "register": lambda d: d.register(bits),
        }
        if op.kind not in price:
            raise InternalError(f"{op.component}: no cost for actions of kind '{op.kind}'")
        yield self._action(op, self.digital_term(price[op.kind], self.digital_key(op)))
        if op.kind == "mac":
            term = self.memory_term(self.weight_bytes, bits)
            yield ActionCost(f"{op.component}.weights", "memory", "read", 1, "dynamic", (term,))

    def _requantise(self, digital: Digital, op: Operation) -> Number:
        bits = self.requantised_bits(op)
        return digital.round_and_clip(bits) if self.aligned(op) else digital.requantise(bits)

    def _estimated_read(self, op: Operation, stage: Stage) -> Term:
        hardware, tile = self.hardware, self.hardware.chip.tile
        encoding = hardware.dac.encoding
        tiles = self.tiles.get(stage.path)
        if tiles is None:
            raise InternalError(f"{op.component}: reads tiles, but none stand at {stage.path}")
        conductance = self.tile_conductance(tiles)
        pulse = array.full_pulse(encoding, op.bits, hardware.dac.lsb_time, tile.read_time)
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

    def _action(self, op: Operation, *terms: Term, account: Account = "dynamic") -> ActionCost:
        return ActionCost(op.component, op.kind, op.action, 1, account, terms)

    def _beside(
        self, component: str, kind: str, action: str, term: Term, per: int = 1
    ) -> ActionCost:
        return ActionCost(component, kind, action, per, "dynamic", (term,))


def _pulses(conversion: Operation, stage: Stage) -> int:
    """Return how often the word lines were driven for a conversion: the read's before it."""
    pulses = 1
    for op in stage.operations:
        if op.kind == "array":
            pulses = op.serial
        if op is conversion:
            break
    return pulses
