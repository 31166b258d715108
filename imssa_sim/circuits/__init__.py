"""Circuits around the cells: arrays, drivers, converters, wires, and their SPICE decks."""
