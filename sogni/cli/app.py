"""The tree of commands, the options that all of them share, and what happens to errors."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated

from cyclopts import App, CycloptsError, Group, Parameter

from sogni import VERSION

from .context import Context
from .exits import CommandError, Exit, Interrupted, in_options, one_line, tell
from .show import Show, choose

app = App(
    name="sogni",
    help="Pictures, video and music from the Sogni Supernet. No account yet? `sogni demo`, or add --sandbox.",
    help_format="plaintext",
    version=f"sogni {VERSION}",
    result_action="return_value",
    suppress_keyboard_interrupt=False,
)
# Modules of commands are imported when they run: the command starts in a fraction of a second.
for _name, _where, _help in (
    ("demo", "demo:demo", "See it work: no account, nothing leaves this computer."),
    ("image", "image:image", "Render pictures and save them."),
    ("edit", "image:edit", "Change a picture, or make one out of several."),
    ("video", "video:video", "Render videos and save them."),
    ("audio", "audio:audio", "Render music or speech and save it."),
    ("upscale", "upscale:upscale", "Make a picture or a video larger."),
    ("wait", "wait:wait", "Wait for a project and save what it made."),
    ("status", "projects:status", "Say what a project is doing."),
    ("cancel", "projects:cancel", "Cancel a project."),
    ("recent", "projects:recent", "List the projects that finished lately."),
    ("models", "models:models", "List the models."),
    ("estimate", "estimate:app", "What something would cost. Asking is free."),
    ("sandbox", "serve:app", "A network on this computer: no account, nothing leaves it."),
):
    app.command(f"sogni.cli.{_where}", name=_name, help=_help)

_EVERYWHERE = Group("Options of every command", sort_key=100)


def _switch() -> Parameter:
    return Parameter(negative="", group=_EVERYWHERE, show_default=False)


@app.meta.default
def _start(
    *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
    sandbox: Annotated[bool, _switch()] = False,
    json: Annotated[bool, _switch()] = False,
    quiet: Annotated[bool, _switch()] = False,
    no_color: Annotated[bool, _switch()] = False,
) -> Exit:
    """Start a command.

    Args:
        sandbox: Use a local network, no account: the one at SOGNI_SANDBOX_URL (which alone is enough), or its own.
        json: Write one JSON object per line to standard output.
        quiet: Show results and errors only.
        no_color: Use no colours; NO_COLOR does the same.
    """
    show = choose(as_json=json, quiet=quiet)
    context = Context(show, sandbox=sandbox)
    try:
        command, bound, ignored = app.parse_args(tokens, exit_on_error=False, print_error=False)
        with _logging_to(show):
            command(*bound.args, **bound.kwargs, **({"context": context} if "context" in ignored else {}))
    except Exception as error:
        return _fail(error, context)
    return Exit.DONE


def run(tokens: Sequence[str]) -> int:
    """Run a command line and give its exit code; every error ends here."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal may lack characters of a prompt; that must not be the end of a render.
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    if "--no-color" in tokens:
        os.environ["NO_COLOR"] = "1"
    try:
        code = app.meta(tokens, exit_on_error=False, print_error=False)
        sys.stdout.flush()
        return int(code or Exit.DONE)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has left, such as `head`; what is left to flush goes nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.FAILED
    except Exception as error:
        return _fail(error, Context(Show()))


def _fail(error: Exception, context: Context) -> Exit:
    if isinstance(error, BrokenPipeError):
        raise error
    if isinstance(error.__context__, Interrupted):
        # How to resume matters more than what went wrong while closing.
        error = error.__context__
    if isinstance(error, CycloptsError):
        error = CommandError(one_line(str(error)), hint="--help tells more.")
    project_id = getattr(error, "project_id", None)
    resume = context.resume_command(project_id) if project_id else None
    told = tell(error, resume, context.when_nobody_answers)
    context.show.error(told)
    if os.environ.get("SOGNI_LOG", "").lower() == "debug":
        traceback.print_exception(error)
    return told.exit


class _logging_to:  # noqa: N801 - reads as what it does
    """Log lines of the library go where the command shows things, so that they never break into bars."""

    def __init__(self, show: Show) -> None:
        self._logger = logging.getLogger("sogni")
        self._handler = _Handler(show)

    def __enter__(self) -> None:
        level = {"debug": logging.DEBUG, "info": logging.INFO}.get(os.environ.get("SOGNI_LOG", "").lower())
        self._logger.setLevel(level or logging.WARNING)
        self._logger.addHandler(self._handler)

    def __exit__(self, *_: object) -> None:
        self._logger.removeHandler(self._handler)


class _Handler(logging.Handler):
    def __init__(self, show: Show) -> None:
        super().__init__()
        self._show = show

    def emit(self, entry: logging.LogRecord) -> None:
        source = "Warning" if entry.levelno >= logging.WARNING else entry.name
        self._show.note(f"{source}: {one_line(in_options(entry.getMessage()))}")
