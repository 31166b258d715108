"""Colours of figures and pages: a palette, and one for each component kind."""

from __future__ import annotations

#: Okabe and Ito's palette (distinguishable with colour-vision deficiency), extended with greys.
PALETTE = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#56B4E9",
    "#CC79A7",
    "#F0E442",
    "#4D4D4D",
    "#999999",
    "#882255",
    "#44AA99",
    "#DDCC77",
    "#332288",
)

#: One colour a component kind, the same in every figure.
KIND_COLOURS = {
    "adc": "#0072B2",
    "array": "#E69F00",
    "word_line": "#B8860B",
    "bit_line": "#8B6508",
    "sample_hold": "#CDAA7D",
    "driver": "#66CDAA",
    "control": "#708090",
    "dac": "#009E73",
    "requantiser": "#D55E00",
    "register": "#56B4E9",
    "accumulator": "#7BCBC0",
    "shift_add": "#CC79A7",
    "lut": "#F0E442",
    "multiplier": "#882255",
    "adder": "#AA4499",
    "norm": "#332288",
    "mac": "#44AA99",
    "buffer": "#DDCC77",
    "memory": "#999933",
    "bus": "#117733",
    "off_chip": "#661100",
    "leakage": "#A0A0A0",
    "reprogramming": "#4B0082",
    "waiting": "#C9CED6",
    "other": "#DDDDDD",
}


def kind_colour(kind: str) -> str:
    """Return the colour of a component kind; black for one that has none."""
    return KIND_COLOURS.get(kind, "#000000")
