"""Networks, cards and circuits as files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from imssa_sim.cli.group import app
from imssa_sim.cli.options import Overrides, Workload


@app.command("train")
def train_command(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="A training file, as in workloads/train/.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="Checkpoint to write; NAME.safetensors by default.",
        ),
    ] = None,
    overrides: Overrides = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Start again instead of continuing an interrupted one.")
    ] = False,
) -> None:
    """Train a network (needs the extra 'train'); an interrupted training continues."""
    from imssa_sim.cli.train import train

    train(config, output, overrides or [], fresh)


@app.command("import-checkpoint")
def import_checkpoint_command(
    source: Annotated[
        Path, typer.Argument(metavar="FILE", help="A .pt, .safetensors or .npz file.")
    ],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="FILE", help="Safetensors file; must not exist."),
    ],
    family: Annotated[
        str | None, typer.Option("--family", help="s4d, qs4d, s4block, s5, lru, or a package's.")
    ] = None,
    options: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="model.NAME=VALUE", help="What the file does not say. Repeatable."
        ),
    ] = None,
    renamed: Annotated[
        list[str] | None,
        typer.Option(
            "--map", metavar="OLD=NEW", help="Another name of an array, or of its first part."
        ),
    ] = None,
    check: Annotated[
        Path | None,
        typer.Option(
            "--check", metavar="IO.npz", help="Its inputs and outputs: decides, and must agree."
        ),
    ] = None,
) -> None:
    """Import a network of S4D, QS4D, S4 blocks, S5 or LRU (.pt needs the extra 'train')."""
    from imssa_sim.cli.import_checkpoint import import_checkpoint

    import_checkpoint(source, output, family, options or [], renamed or [], check)


@app.command("fit-card")
def fit_card_command(
    data: Annotated[
        Path,
        typer.Argument(metavar="CSV", help="Columns target [uS], achieved [uS], time [s], …"),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Card to write (YAML).")
    ],
) -> None:
    """Fit the card of a memory cell to measurements; with a figure of the fit."""
    from imssa_sim.cli.fit_card import fit_card

    fit_card(data, output)


@app.command("export-spice")
def export_spice_command(
    workload: Workload,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FILE", help="Deck to write; must not exist.")
    ],
    tiles: Annotated[
        str, typer.Option("--tiles", metavar="PATH", help="A set of tiles of the mapped network.")
    ] = "chip.layer0.kernel",
    index: Annotated[int, typer.Option("--index", min=0, help="Tile in the set.")] = 0,
    chip: Annotated[int, typer.Option("--chip", min=0, help="Chip instance.")] = 0,
    overrides: Overrides = None,
    run: Annotated[
        bool, typer.Option("--run", help="Run ngspice too and compare the column currents.")
    ] = False,
) -> None:
    """Write a programmed tile as an ngspice deck."""
    from imssa_sim.cli.export_spice import export_spice

    export_spice(workload, overrides or [], tiles, index, chip, output, run)
