"""Entry point: runs a command and turns every outcome into a message and an exit code.

0 ok, 2 bad input, 3 a model outside its validity, 4 internal error, 130 interrupted.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

from imssa_sim.beside import own_process
from imssa_sim.cli.output import discard_output, output_refuses, prepare_streams
from imssa_sim.errors import ConfigError, ImssaError

INTERRUPTED = 130


def entry() -> NoReturn:
    """Run the command line and end the process with its exit code.

    At once: taking down compiled code and figures costs half a second that nobody needs.
    """
    own_process()
    gc.set_threshold(100_000)  # a run leaves few cycles behind, and searching for them takes time
    code = main()
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
    os._exit(code)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; ``sys.argv[1:]`` by default. ``--debug`` may stand anywhere
        and shows the traceback of an error.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    prepare_streams()
    if threading.current_thread() is threading.main_thread():
        # A polite kill ends as Ctrl-C does, so that nothing half-written stays behind.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return _run([word for word in words if word != "--debug"])
    except KeyboardInterrupt:
        _say("interrupted")
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_gone()
    except ImssaError as error:
        if debug:
            raise
        _say(str(error) if isinstance(error, ConfigError) else f"error: {error}")
        return error.exit_code
    except Exception as error:
        if debug:
            raise
        if isinstance(error, OSError) and output_refuses(error):
            discard_output()
            _say(f"error: output cannot be written: {error.strerror}")
            return 2
        text = " ".join(str(error).split())
        _say(f"internal error: {type(error).__name__}: {text}; use --debug for the traceback")
        return 4


def _run(words: list[str]) -> int:
    from imssa_sim.cli.app import command
    from imssa_sim.cli.group import ClosedPipeError

    try:
        command().main(args=words, prog_name="imssa_sim")
    except ClosedPipeError:
        return _reader_gone()
    except SystemExit as exit_:
        if exit_.code == INTERRUPTED:  # Typer turns Ctrl-C into this, without a word
            _say("interrupted")
        sys.stdout.flush()
        return exit_.code if isinstance(exit_.code, int) else 0
    return 0


def _reader_gone() -> int:
    """Return the exit code of a run whose reader (``| head``) has seen enough."""
    discard_output()
    return 0


def _say(text: str) -> None:
    with suppress(OSError, ValueError):
        sys.stdout.flush()
    print(text, file=sys.stderr, flush=True)
