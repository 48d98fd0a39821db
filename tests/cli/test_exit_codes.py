"""Every kind of error has its exit code and one clear line, and never a traceback."""

from __future__ import annotations

import re

import pytest

from sogni.sandbox import Sandbox

REFUSALS = {
    "insufficient_funds": 4,
    "plan_limit": 4,
    "queue_cap": 4,
    "billing_grace": 4,
    "not_entitled": 4,
    "consent_required": 3,
    "model_unavailable": 1,
    "invalid_request": 1,
    "genfailure": 1,
    "worker_cancelled": 1,
}


def assert_one_line(err: str, *words: str) -> None:
    """The last line says it, and there is no traceback."""
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("sogni: ")
    for word in words:
        assert word in last


@pytest.mark.parametrize(("fault", "code"), REFUSALS.items())
def test_refused_orders(shell, net: Sandbox, fault: str, code: int) -> None:
    net.fail_next(fault)
    ran = shell("image", "a fox", "--quiet")
    assert (ran.code, ran.out) == (code, "")
    assert_one_line(ran.err)
    assert len(ran.err.splitlines()) == 1


def test_a_refused_key(shell, net: Sandbox) -> None:
    net.fail_next("unauthorized", times=None)
    ran = shell("models")
    assert ran.code == 3
    assert_one_line(ran.err, "SOGNI_API_KEY")


def test_a_refused_socket(shell, net: Sandbox) -> None:
    net.script(refuse_upgrade=401, times=None)
    ran = shell("image", "a fox")
    assert ran.code == 3
    assert_one_line(ran.err, "SOGNI_API_KEY")


def test_nobody_is_signed_in(offline) -> None:
    ran = offline("image", "a fox")
    assert ran.code == 3
    assert_one_line(ran.err, "SOGNI_API_KEY", "--sandbox")


def test_the_service_cannot_be_reached(offline) -> None:
    ran = offline("models", SOGNI_API_KEY="sandbox-key")
    assert ran.code == 1
    assert_one_line(ran.err, "127.0.0.1")


@pytest.mark.parametrize(
    ("tokens", "words"),
    [
        (["image"], ["PROMPT"]),
        (["image", "a fox", "--bogus"], ["--bogus"]),
        (["imagine"], ["imagine", "image"]),
        (["image", "a fox", "--format", "gif"], ["png"]),
        (["image", "a fox", "--json", "--json"], ["--json"]),
        (["image", "a fox", "--size", "10x10"], ["the width of --size", "the height of --size"]),
        (["image", "a fox", "--photo", "nowhere.png"], ["--photo", "nowhere.png"]),
        (["image", "a fox", "--model", "no-such-model"], ["no-such-model", "sogni models"]),
        (["image", "a fox", "--timeout", "0"], ["--timeout"]),
        (["estimate", "video", "--size", "square"], ["--size"]),
        (["demo", "--photo", "nowhere.png"], ["nowhere.png"]),
        (["sandbox", "serve", "--fault", "rain"], ["rain", "rate_limit"]),
    ],
)
def test_usage(shell, net: Sandbox, tokens: list[str], words: list[str]) -> None:
    ran = shell(*tokens)
    assert ran.code == 2
    assert_one_line(ran.err, *words)
    assert not net.submissions


def test_withheld(shell, net: Sandbox) -> None:
    net.script(withhold=[0])
    ran = shell("image", "a fox")
    assert (ran.code, ran.out) == (6, "")
    assert_one_line(ran.err, "withheld")


def test_some_withheld(shell, net: Sandbox) -> None:
    net.script(withhold=[1])
    ran = shell("image", "a fox", "-n", "2")
    assert ran.code == 6
    assert len(ran.lines) == 1
    assert_one_line(ran.err, "1 of 2 outputs were withheld")


def test_some_failed(shell, net: Sandbox) -> None:
    net.script(fail_jobs=[0])
    ran = shell("image", "a fox", "-n", "2")
    assert ran.code == 1
    assert len(ran.lines) == 1
    assert_one_line(ran.err, "1 of 2 failed")


def test_a_file_that_cannot_be_fetched(shell, net: Sandbox) -> None:
    net.script(fail_download=403, times=None)
    ran = shell("image", "a fox")
    assert (ran.code, ran.out) == (1, "")
    assert_one_line(ran.err)


def test_timed_out_but_running(shell, net: Sandbox, folder) -> None:
    net.script(hold_at="progress:2")
    ran = shell("image", "a fox", "--timeout", "1.5", "-o", "out put")
    project_id = net.submissions[0].project_id
    assert (ran.code, ran.out) == (5, "")
    assert_one_line(ran.err, f"sogni wait {project_id} -o 'out put'")
    net.release()
    ran = shell("wait", project_id, "-o", "out put")
    assert ran.code == 0
    assert [folder / line for line in ran.lines] == list((folder / "out put").iterdir())


def test_timed_out_before_anything_was_ordered(shell, net: Sandbox) -> None:
    net.script(refuse_upgrade=503, times=None)
    ran = shell("image", "a fox", "--timeout", "1")
    assert ran.code == 1
    assert_one_line(ran.err, "Nothing was ordered.")
    assert not net.submissions


def test_above_the_limit(shell, net: Sandbox) -> None:
    ran = shell("image", "a fox", "-n", "4", "--max-cost", "0.5")
    assert ran.code == 4
    assert_one_line(ran.err, "1.6 spark", "--max-cost 0.5", "Nothing was ordered.")
    assert not net.submissions
    assert shell("image", "a fox", "--max-cost", "5").code == 0


def test_an_unknown_project(shell) -> None:
    ran = shell("wait", "00000000-0000-4000-8000-000000000000")
    assert ran.code == 1
    assert_one_line(ran.err, "00000000-0000-4000-8000-000000000000")


def test_a_traceback_for_those_who_ask(shell, net: Sandbox) -> None:
    net.fail_next("insufficient_funds")
    ran = shell("image", "a fox", SOGNI_LOG="debug")
    assert ran.code == 4
    assert "Traceback" in ran.err
    assert "sogni: Insufficient funds." in ran.err


def test_what_the_server_says_moves_no_cursor(shell, net: Sandbox) -> None:
    ran = shell("image", "a fox", "--model", "\x1b[2Jmodel")
    assert ran.code == 2
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", ran.err)


@pytest.mark.parametrize("module", ["cyclopts", "rich"])
def test_without_the_extra(offline, module: str) -> None:
    ran = offline.python(
        "-c", f"import sys; sys.modules[{module!r}] = None; from sogni.cli import main; sys.exit(main(['models']))"
    )
    assert ran.code == 1
    assert ran.err == 'sogni: The command needs its extra: python -m pip install "sogni[cli]"\n'


@pytest.mark.parametrize("tokens", [["demo"], ["image", "a fox", "--sandbox"], ["sandbox", "serve"]])
def test_without_the_sandbox_extra(offline, tokens: list[str]) -> None:
    ran = offline.python(
        "-c", f"import sys; sys.modules['aiohttp'] = None; from sogni.cli import main; sys.exit(main({tokens!r}))"
    )
    assert ran.code == 1
    assert ran.err == 'sogni: The sandbox needs its extra: python -m pip install "sogni[sandbox]"\n'
