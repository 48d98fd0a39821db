"""Every check of the project: plain `nox` runs them all, `nox -s NAME` one of them.

All sessions share one environment below `.nox`, made anew when `pyproject.toml` has changed: the type checker needs the
packages of the tests anyway, and one installation is quicker than four.
"""

from __future__ import annotations

import hashlib
import os
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.2.9"
nox.options.sessions = ["twin", "lint", "types", "tests"]
nox.options.default_venv_backend = "none"

PROJECT = Path("pyproject.toml")
VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
EXTRAS = "cli,sandbox"


def environment(group: str) -> Path:
    """Where the packages of a dependency group are: the one for development is shared by all sessions but `docs`."""
    return Path(".nox", f"{'shared' if group == 'dev' else group}-{VERSION}")


def prepare(session: nox.Session, group: str = "dev") -> None:
    """Make the environment of a group, or leave it if it is the one that the project asks for."""
    folder = environment(group)
    stamp = folder / "made-from"
    wanted = hashlib.sha256(PROJECT.read_bytes() + sys.version.encode()).hexdigest()
    if stamp.exists() and stamp.read_text("utf-8") == wanted:
        return
    tools = nox.project.dependency_groups(nox.project.load_toml(PROJECT), group)
    session.run(sys.executable, "-m", "virtualenv", "--clear", "--quiet", str(folder))
    run(session, "pip", "install", "--quiet", "--editable", f".[{EXTRAS}]", *tools, group=group)
    stamp.write_text(wanted, "utf-8")


def run(session: nox.Session, module: str, *arguments: str, group: str = "dev") -> None:
    """Run a module in the environment of a group."""
    python = environment(group).absolute() / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    session.run(str(python), "-m", module, *arguments, external=True)


@nox.session
def twin(session: nox.Session) -> None:
    """The generated files are what would be generated now."""
    prepare(session)
    run(session, "codegen.twin", "--check")
    run(session, "codegen.keywords", "--check")
    run(session, "codegen.models", "--check")


@nox.session(name="twin-write")
def twin_write(session: nox.Session) -> None:
    """Write the generated files."""
    prepare(session)
    run(session, "codegen.twin")
    run(session, "codegen.keywords")
    run(session, "codegen.models")


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff finds nothing and would change nothing."""
    prepare(session)
    run(session, "ruff", "check", ".")
    run(session, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy and pyright, both strict; pyright for what a user's editor sees."""
    prepare(session)
    run(session, "mypy")
    run(session, "pytest", "--quiet", "tests/typing")


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite on all cores; arguments after `--` go to pytest instead."""
    prepare(session)
    run(session, "pytest", *(session.posargs or ["--numprocesses=auto", "--quiet"]))


@nox.session
def soak(session: nox.Session) -> None:
    """Thousands of projects through hundreds of faults, judged on the server side: `nox -s soak -- --seed 7`."""
    prepare(session)
    run(session, "tests.soak", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation, into `.nox/docs`; warnings are errors."""
    prepare(session, "docs")
    run(session, "sphinx", "-q", "-W", "--keep-going", "-b", "html", "docs", str(Path(".nox", "docs")), group="docs")


@nox.session
def fuzz(session: nox.Session) -> None:
    """Odd frames and answers for a minute; how many were tried is printed: `nox -s fuzz -- --seconds 600`."""
    prepare(session)
    run(session, "tests.fuzz", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """All benchmarks and one table, or some: `nox -s bench -- frames create --rounds 3`."""
    prepare(session)
    run(session, "benchmarks", *session.posargs)
