"""The guards of the test suite: no other computer is reached, no thread is left, and both are reported."""

from __future__ import annotations

import socket

import pytest

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("host", ["192.0.2.1", "2001:db8::1", "api.example.com"])
def test_other_computers_are_refused(host: str, outside_contacts: list[str]) -> None:
    with pytest.raises(Exception, match="must not leave this computer"):
        socket.create_connection((host, 443), timeout=5)
    assert host in outside_contacts.pop()
    outside_contacts.clear()


def test_names_that_nobody_has_are_unknown(outside_contacts: list[str]) -> None:
    with pytest.raises(socket.gaierror):
        socket.create_connection(("nowhere.invalid", 443))
    assert outside_contacts == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_this_computer_may_be_reached(host: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection((host, server.getsockname()[1])):
        pass


def test_a_pair_of_sockets_is_no_network() -> None:
    for end in socket.socketpair():
        end.close()


@pytest.fixture
def guarded(pytester: pytest.Pytester, pytestconfig: pytest.Config) -> pytest.Pytester:
    """A test run of its own under the same guards."""
    source = pytestconfig.rootpath / "tests" / "conftest.py"
    pytester.makeconftest(source.read_text("utf-8"))
    return pytester


def outcome(guarded: pytest.Pytester, code: str) -> pytest.RunResult:
    guarded.makepyfile(code)
    return guarded.runpytest_subprocess("-p", "no:cacheprovider", "--asyncio-mode=auto")


def test_a_swallowed_contact_fails_the_test(guarded: pytest.Pytester) -> None:
    found = outcome(
        guarded,
        """
        import contextlib, socket

        def test_it():
            with contextlib.suppress(Exception):
                socket.create_connection(("192.0.2.1", 443))
        """,
    )
    found.assert_outcomes(passed=1, errors=1)
    found.stdout.fnmatch_lines(["*This test tried to leave the computer: socket.*'192.0.2.1'."])


def test_a_thread_that_stays_fails_the_test(guarded: pytest.Pytester) -> None:
    found = outcome(
        guarded,
        """
        import threading, time

        def test_it():
            threading.Thread(target=time.sleep, args=(30,), name="sogni-link", daemon=True).start()

        def test_of_others():
            threading.Thread(target=time.sleep, args=(30,), name="other", daemon=True).start()
        """,
    )
    found.assert_outcomes(passed=2, errors=1)
    found.stdout.fnmatch_lines(["*This test left threads running: sogni-link."])


def test_a_longer_lived_fixture_keeps_its_thread(guarded: pytest.Pytester) -> None:
    outcome(
        guarded,
        """
        import threading
        import pytest

        @pytest.fixture(scope="session")
        def shared():
            end = threading.Event()
            thread = threading.Thread(target=end.wait, name="sogni-sandbox", daemon=True)
            thread.start()
            yield
            end.set()
            thread.join()

        def test_it(shared): ...

        def test_again(shared): ...
        """,
    ).assert_outcomes(passed=2)
