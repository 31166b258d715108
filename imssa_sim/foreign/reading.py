"""What a family makes of a file: what names and shapes settle, and what they leave open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import combinations, product
from typing import Any

from imssa_sim.model.network import Network

Options = Mapping[str, Any]
Choices = dict[str, tuple[Any, ...]]


@dataclass(frozen=True)
class Reading:
    """One family's reading of a file.

    Attributes
    ----------
    family : str
    settled : dict
        What the file or the family says, by the names of `Structure` and of the family's options.
    open : dict of str to tuple
        Several fit, and nothing speaks for one of them: to be named or checked.
    usual : dict of str to tuple
        Several could be; the authors' default comes first and is taken with a word.
    build : callable
        Makes the network of all options, settled ones among them.
    notes : tuple of str
        Further assumptions.
    """

    family: str
    settled: dict[str, Any]
    open: Choices
    usual: Choices
    build: Callable[[Options], Network]
    notes: tuple[str, ...] = ()
    named: dict[str, Any] = field(default_factory=dict)

    @property
    def undecided(self) -> Choices:
        """What must still be named."""
        return {name: values for name, values in self.open.items() if len(values) > 1}

    def with_named(self, wanted: Options) -> Reading | str:
        """Return the reading with options as named, or why it does not fit them."""
        settled, open_, usual = dict(self.settled), dict(self.open), dict(self.usual)
        for name, value in wanted.items():
            if name in settled:
                if settled[name] != value:
                    return (
                        f"model.{name} is {shown(value)}, but this would be {shown(settled[name])}"
                    )
            elif name in open_:
                if value not in open_[name]:
                    allowed = ", ".join(map(shown, open_[name]))
                    return f"model.{name} is {shown(value)}, but this could be {allowed}"
                open_[name] = (value,)
            elif name in usual:
                usual.pop(name)
                open_[name] = (value,)
            else:
                return f"it has no option model.{name}"
        return replace(self, open=open_, usual=usual, named=dict(wanted))

    def options(self, chosen: Options) -> dict[str, Any]:
        """Return all options: settled, usual ones, and those chosen."""
        found = dict(self.settled) | {name: values[0] for name, values in self.usual.items()}
        return found | {name: values[0] for name, values in self.open.items()} | dict(chosen)

    def candidates(self, unusual: int) -> Iterator[dict[str, Any]]:
        """Yield choices of all open options, with so many of the usual ones not as usual."""
        varied = [name for name, values in self.usual.items() if len(values) > 1]
        for names in combinations(varied, unusual):
            for others in product(*(self.usual[name][1:] for name in names)):
                for values in product(*self.open.values()):
                    taken = dict(zip(self.open, values, strict=True))
                    yield self.options(taken | dict(zip(names, others, strict=True)))


class MisfitError(Exception):
    """A file is not of a family; the text says why."""


def shown(value: Any) -> str:
    """Return an option's value as YAML has it."""
    return str(value).lower() if isinstance(value, bool) or value is None else str(value)
