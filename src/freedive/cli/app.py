"""The command `freedive`: which commands there are, how errors are told, and what they leave as exit code.

0: done. 1: the work failed. 2: the command was used wrongly. 130: stopped by Ctrl-C, 143 by SIGTERM.
"""

from __future__ import annotations

import functools
import importlib
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from ..errors import ToldError
from . import bench, console, distill, federate, machine, train, tune, use

FAILED, MISUSED = 1, 2
LIGHT = (machine.datasets, bench.bench)  # commands that do without jax
UsageError: Any = typer.BadParameter.__mro__[1]  # typer carries its own click, under changing names
EXPECTED = (ValueError, TypeError, OSError, ImportError, MemoryError, ArithmeticError, RuntimeError)  # else: a bug

app = typer.Typer(
    invoke_without_command=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        import importlib.metadata

        console.say(f"freedive {importlib.metadata.version('freedive')}")
        raise typer.Exit


@app.callback()
def freedive(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Deep learning where the whole training run is one compiled program.

    \b
    Begin with:
      freedive train digits
      freedive predict runs/digits/model.safetensors picture.png

    Exit codes: 0 done, 1 the work failed, 2 wrong usage, 130 stopped by Ctrl-C.
    """
    if context.invoked_subcommand is None:
        console.say(context.get_help())


def stoppable(command: Callable[..., None]) -> Callable[..., None]:
    """Ctrl-C in a command that keeps nothing, told in a line."""

    @functools.wraps(command)
    def run(**options: Any) -> None:
        try:
            if command not in LIGHT:
                import_whole("jax")
            command(**options)
        except KeyboardInterrupt:
            raise console.Stopped("Stopped. Nothing was written.") from None

    return run


def import_whole(name: str) -> None:
    """Import a module with Ctrl-C held back: amid the making of extensions it would end in a crash of the process."""
    came: list[int] = []
    former = signal.getsignal(signal.SIGINT)
    if former is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        return  # nobody is interrupted here
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        importlib.import_module(name)
    finally:
        signal.signal(signal.SIGINT, former)
    if came:
        raise KeyboardInterrupt


for command in (
    train.train,
    tune.tune,
    distill.distill,
    federate.federate,
    use.evaluate,
    use.predict,
    use.summary,
    machine.datasets,
    machine.doctor,
    bench.bench,
):
    app.command()(stoppable(command))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: the words after `freedive`; those of the process unless given.

    Returns:
        The exit code.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in words
    words = ["--debug"] * debug + [word for word in words if word != "--debug"]  # welcome anywhere in the line
    try:
        with console.plain_warnings():
            return app(words, prog_name="freedive", standalone_mode=False) or 0
    except console.Stopped as stopped:
        console.warn(str(stopped))
        return stopped.code
    except UsageError as error:
        context = getattr(error, "ctx", None)
        console.error_in(context.command_path if context is not None else "freedive", error.format_message())
        return MISUSED
    except (console.Misuse, ToldError) as error:
        command = next((word for word in words if not word.startswith("-")), "")
        console.error_in(f"freedive {command}", console.told(error))
        return MISUSED
    except Exception as error:  # the edge of the program: whatever it is, a line and an exit code
        if debug:
            traceback.print_exc()
        bug = (
            ""
            if isinstance(error, EXPECTED)
            else f"this is a bug of freedive; --debug tells more: {type(error).__name__}: "
        )
        console.error(bug + console.told(error))
        for note in getattr(error, "__notes__", ()):
            console.warn(note)
        return FAILED
