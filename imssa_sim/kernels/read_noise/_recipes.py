"""Threefry and the inverse normal, step by step, so that two of them can be run in turn.

A recipe is a generator. It applies the operations ``o`` to its values, yields each result once and
goes on with what is sent back; its return value is the result. ``o`` computes where nothing is
compiled (``_normals_python``) and otherwise writes instructions (``_normals_llvm``), so both follow
one text.

To run two recipes in turn matters for speed: each is a long chain in which every operation waits
for the one before. A processor looks a few hundred instructions ahead and the compiler puts one
chain behind the other, so units would stand idle that the other chain could use.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

Recipe = Generator[Any, Any, Any]

PARITY = 0x1BD11BDA
ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
LOW_BITS = 0x7FFFFFFF
LARGEST = 0x7FFFFF80  # what is above would round to 2**31, beyond the last octave
MANTISSA = 0x007FFFFF
BITS_OF_ONE = 0x3F800000
SIGN = -(2**31)
POWERS = 7
TIED = 3  # turns after which the two are tied; more or less often is slower


def threefry2x32(o: Any, rounds: int, key0: Any, key1: Any, counter0: Any, counter1: Any) -> Recipe:
    """Two random words from a key and a counter, see ``threefry``."""
    keys = (key0, key1, o.xor(o.xor(key0, key1), o.word(PARITY)))
    x0 = o.add(counter0, key0)
    x1 = o.add(counter1, key1)
    for r in range(rounds):
        x0 = yield o.add(x0, x1)
        x1 = yield o.rotate_left(x1, ROTATIONS[r % 8])
        x1 = yield o.xor(x1, x0)
        if r % 4 == 3:
            turn = r // 4 + 1
            x0 = yield o.add(x0, keys[turn % 3])
            x1 = yield o.add(x1, o.add(keys[(turn + 1) % 3], o.word(turn)))
    return x0, x1


def inverse_normal(o: Any, words: Any) -> Recipe:
    """Standard normals (float32) from random words, see ``normal``."""
    tail = yield o.smaller(o.both(words, o.integer(LOW_BITS)), o.integer(LARGEST))
    tail = yield o.add(o.to_float(tail), o.single(0.5))
    bits = o.bits_of(tail)
    octave = yield o.shift_right(bits, 23)
    m = yield o.float_of(o.either(o.both(bits, o.integer(MANTISSA)), o.integer(BITS_OF_ONE)))
    z = yield o.coefficient(POWERS - 1, octave)
    for power in range(POWERS - 2, -1, -1):
        c = yield o.coefficient(power, octave)
        z = yield o.fma(z, m, c)
    return o.float_of(o.xor(o.bits_of(z), o.both(words, o.integer(SIGN))))


def run(recipe: Recipe) -> Any:
    """The result of one recipe."""
    value = None
    while True:
        try:
            value = recipe.send(value)
        except StopIteration as end:
            return end.value


def run_in_turn(one: Recipe, other: Recipe, tie: Callable[[Any, Any], tuple[Any, Any]]) -> Any:
    """The results of two recipes, a step of each in turn; ``tie`` holds them together.

    It gets the newest values of both and gives them back.
    """
    recipes, live, results = (one, other), [None, None], [None, None]
    running, turns = {0, 1}, 0
    while running:
        turns += 1
        for k in sorted(running):
            try:
                live[k] = recipes[k].send(live[k])
            except StopIteration as end:
                results[k] = end.value
                running.discard(k)
        if len(running) == 2 and turns % TIED == 0:
            live = list(tie(*live))
    return tuple(results)


def both_inverses(o: Any, first: Any, second: Any, give: Callable[[int, Any], None]) -> Recipe:
    """Normals of two groups of words, one group after the other; each is given away at once."""
    for k, words in enumerate((first, second)):
        give(k, (yield from inverse_normal(o, words)))
