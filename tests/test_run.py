"""`make run` as a person meets it: real processes, real signals, a real port."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import stat
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import requests

from config.programs import AWS_SECRETS, LOOPBACK
from environments.signin import ATTEMPTS_ALLOWED_PER_ADDRESS
from tests.stack import READY, Stack

pytestmark = pytest.mark.stack


def make_console(var_dir: Path, *, static_of: Stack, **environ: str) -> Stack:
    """A console that was never started; it finds the static files collected, which saves seconds."""
    var_dir.mkdir()
    for name in ("static", "static.stamp"):
        subprocess.run(["cp", "-a", str(static_of.var_dir / name), str(var_dir)], check=True)
    return Stack(var_dir, **environ)


@pytest.fixture
def new_console(var_dir: Path, stack: Stack) -> Iterator[Stack]:
    """A console of this test's own, never started."""
    console = make_console(var_dir, static_of=stack)
    yield console
    if console.process is not None:
        console.stop()


@pytest.fixture(scope="module")
def second_checkout(tmp_path_factory: pytest.TempPathFactory, stack: Stack) -> Iterator[Stack]:
    console = make_console(
        tmp_path_factory.mktemp("second") / "var", static_of=stack, **dict.fromkeys(AWS_SECRETS, "canary")
    )
    yield console
    if console.process is not None:
        console.stop()


@pytest.fixture
def console(second_checkout: Stack) -> Stack:
    """A second console, which runs. Tests may stop, kill and break it: whoever comes next gets it started again."""
    if not second_checkout.is_running:
        second_checkout.start()
    return second_checkout


def count_rows(console: Stack) -> tuple[int, int]:
    """How many signing keys and environments stand in the database."""
    database = sqlite3.connect(f"file:{console.var_dir}/sandbox/console.sqlite3?mode=ro", uri=True)
    with closing(database):
        [counts] = database.execute(
            "SELECT (SELECT count(*) FROM environments_signingkey), (SELECT count(*) FROM environments_environment)"
        )
    return counts


def left_of(var_dir: Path) -> list[str]:
    """The command lines of processes, anywhere on this machine, that work in `var_dir`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if str(var_dir) in (process.environ().get("VAR_DIR"), *process.cmdline()):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def wait_until_nothing_is_left(var_dir: Path, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while left := left_of(var_dir):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


def test_the_printed_link_signs_in_once(stack: Stack) -> None:
    [link] = [word for word in stack.output.split() if word.startswith(f"{stack.url}/sign-in")]

    assert requests.get(link, timeout=10).status_code == 200
    assert stack.session("first").get(stack.url, timeout=10).status_code == 200


def test_the_address_of_everything_a_person_opens_is_printed(stack: Stack) -> None:
    assert f"Console   {stack.url}\n" in stack.output
    assert f"Sandbox   {stack.sandbox_url} " in stack.output


def test_all_parts_answer_when_the_link_is_printed(stack: Stack) -> None:
    assert requests.get(f"{stack.url}/healthz", timeout=10).status_code == 200


def test_nothing_listens_beyond_the_loopback_address(stack: Stack) -> None:
    listening = [
        connection.laddr.ip
        for process in stack.processes()
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    ]

    assert set(listening) == {LOOPBACK}


def test_secrets_are_neither_printed_nor_readable_by_others(stack: Stack) -> None:
    password = stack.broker_url.partition(":@")[0].split(":")[2].partition("@")[0]
    secrets = [password, *(path.read_text() for path in (stack.var_dir / "sandbox").iterdir() if "key" in path.name)]

    assert len(secrets) == 3
    assert all(len(secret) > 20 and secret not in stack.output for secret in secrets)
    for name in ("broker.url", "valkey.conf", "sandbox/secret_key", "sandbox/encryption_keys"):
        assert stat.S_IMODE((stack.var_dir / name).stat().st_mode) == 0o600, name
    assert not any(password in word for process in stack.processes() for word in process.cmdline())


def test_nothing_it_keeps_is_open_to_other_users(stack: Stack) -> None:
    state = stack.var_dir / "sandbox"
    kept = [
        state,
        *state.rglob("*"),
        *(path for path in stack.var_dir.iterdir() if path.name != stack.output_file.name),
    ]

    assert (state / "console.sqlite3").exists()
    assert [
        path for path in kept if path.lstat().st_mode & 0o077 and not path.is_relative_to(stack.var_dir / "static")
    ] == []


def test_only_the_worker_holds_secrets_of_aws(console: Stack) -> None:
    holders = {
        " ".join(process.cmdline()) for process in console.processes()[1:] if "canary" in process.environ().values()
    }
    assert holders
    assert all(" worker " in command for command in holders)


def test_a_flood_of_sign_ins_is_refused_and_leaves_the_keys_of_the_issuer_answered(stack: Stack) -> None:
    form = requests.get(f"{stack.url}/sign-in/", timeout=10)
    token = form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]

    def try_name(number: int) -> int:
        fields = {"csrfmiddlewaretoken": token, "username": f"nobody{number}", "password": "wrong"}
        answer = requests.post(form.url, data=fields, cookies=form.cookies, timeout=60)
        return answer.status_code

    with ThreadPoolExecutor(12) as pool:
        answers = pool.map(try_name, range(60))
        waited = []
        for _ in range(15):
            started = time.monotonic()
            assert requests.get(f"{stack.url}/.well-known/jwks.json", timeout=10).status_code == 200
            waited.append(time.monotonic() - started)
        tried = Counter(answers)

    assert set(tried) == {200, 429}
    assert tried[200] <= ATTEMPTS_ALLOWED_PER_ADDRESS
    assert statistics.median(waited) < 1, waited


def test_a_second_start_of_the_same_checkout_is_refused_in_a_sentence(stack: Stack) -> None:
    again = stack.manage("run")

    assert again.returncode == 1
    assert f"running already, at {stack.url}. Stop it there with Ctrl-C" in again.stderr
    assert "Traceback" not in again.stderr
    assert requests.get(f"{stack.url}/healthz", timeout=10).status_code == 200


def test_two_checkouts_run_side_by_side(stack: Stack, console: Stack) -> None:
    for one in (stack, console):
        assert requests.get(f"{one.url}/healthz", timeout=10).status_code == 200
    assert stack.sandbox_url != console.sandbox_url
    assert stack.broker_url != console.broker_url


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_stop_leaves_no_process_and_no_address_behind(console: Stack, number: signal.Signals) -> None:
    assert console.process is not None
    console.process.send_signal(number)

    assert console.process.wait(timeout=30) == 0
    assert left_of(console.var_dir) == []
    assert console.output.endswith("Stopping…\nStopped.\n")
    assert not (console.var_dir / "broker.url").exists()
    assert not (console.var_dir / "sandbox.url").exists()


@pytest.mark.parametrize("delay", [0.3, 1.0, 1.5])
def test_ctrl_c_during_the_start_leaves_no_process_behind(new_console: Stack, delay: float) -> None:
    new_console.start(wait=False)
    time.sleep(delay)

    assert new_console.process is not None
    new_console.process.send_signal(signal.SIGINT)

    new_console.process.wait(timeout=30)
    assert left_of(new_console.var_dir) == []
    assert READY not in new_console.output


def test_programs_do_not_outlive_a_killed_runner_and_the_next_start_works(console: Stack) -> None:
    assert console.process is not None
    _, *programs = console.processes()
    console.process.kill()
    console.process.wait()

    console.start()

    assert requests.get(f"{console.url}/healthz", timeout=10).status_code == 200
    _, alive = psutil.wait_procs(programs, timeout=20)
    assert alive == []


@pytest.mark.parametrize("name", ["worker", "valkey-server"])
def test_when_one_program_dies_all_stop_and_the_cause_is_printed(console: Stack, name: str) -> None:
    assert console.process is not None
    [*_, victim] = [
        process
        for process in psutil.Process(console.process.pid).children()
        if any(name in word for word in process.cmdline())
    ]

    victim.kill()

    assert console.process.wait(timeout=30) == 1
    assert "ended by itself (by signal SIGKILL)" in console.output
    assert "Traceback" not in console.output
    assert left_of(console.var_dir) == []


def test_a_port_in_use_is_said_before_anything_starts(var_dir: Path) -> None:
    with socket.create_server((LOOPBACK, 0)) as taken:
        console = Stack(var_dir, port=taken.getsockname()[1])

        refused = console.manage("run")

    assert refused.returncode == 1
    assert refused.stderr == (
        f"CommandError: Port {console.port} is in use by another program. Choose another one: PORT=8123 make run\n"
    )
    assert not (var_dir / "sandbox" / "console.sqlite3").exists()


def test_the_second_start_has_nothing_to_prepare(console: Stack) -> None:
    before = count_rows(console)
    console.stop()

    console.start()

    assert "Preparing" not in console.output
    assert "Collecting" not in console.output
    assert count_rows(console) == before


def test_make_run_does_the_same_and_passes_on_what_it_is_told(var_dir: Path) -> None:
    console = Stack(var_dir, command=("make", "run"))
    with console.start():
        assert requests.get(f"{console.url}/healthz", timeout=10).status_code == 200
        assert console.process is not None
        # As a terminal does: everything in its foreground group.
        os.killpg(console.process.pid, signal.SIGINT)
        console.process.wait(timeout=30)

    wait_until_nothing_is_left(var_dir)


def test_a_database_of_the_other_world_is_refused_in_a_sentence(var_dir: Path, stack: Stack) -> None:
    var_dir.mkdir()
    own = var_dir / "own.sqlite3"
    with (
        closing(sqlite3.connect(stack.var_dir / "sandbox" / "console.sqlite3")) as of_the_sandbox,
        closing(sqlite3.connect(own)) as copy,
    ):
        of_the_sandbox.backup(copy)
    console = Stack(
        var_dir, AWS_SANDBOX="0", DATABASE_URL=f"sqlite:///{own}", SECRET_KEY="x" * 50, ENCRYPTION_KEYS="y" * 50
    )

    refused = console.manage("run")

    assert refused.returncode == 1
    assert "belongs to the sandbox" in refused.stderr
    assert "Traceback" not in refused.stderr
