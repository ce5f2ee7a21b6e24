"""The real console, started as a person starts it: `manage.py run` on a free port, with a directory of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import psutil
import requests

from config.programs import find_free_port

CHECKOUT = Path(__file__).resolve().parent.parent
READY = "Ctrl-C stops everything."
START_SECONDS = 90
PASSWORD = "correct horse battery staple"


class Stack:
    """Web, worker, beat, broker and sandbox as real processes. Everything a test may want to know of them."""

    def __init__(
        self, var_dir: Path, *, port: int | None = None, command: tuple[str, ...] = (), **environ: str
    ) -> None:
        self.var_dir = var_dir
        self.port = port or find_free_port()
        self.url = f"http://localhost:{self.port}"
        self.environ = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG", "CI") if name in os.environ},
            "VAR_DIR": str(var_dir),
            "PORT": str(self.port),
            "SANDBOX_PROPAGATION_SECONDS": "0.5",
            "SWEEP_SECONDS": "1",
            **environ,
        }
        self.command = command or (sys.executable, "manage.py", "run")
        self.output_file = var_dir / "run.out"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> Stack:
        """Start it; with `wait`, return when the sign-in link is printed."""
        self.var_dir.mkdir(parents=True, exist_ok=True)
        with self.output_file.open("wb") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=CHECKOUT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        if wait:
            try:
                self.wait_for(READY)
            except BaseException:
                self.stop()
                raise
        return self

    @property
    def output(self) -> str:
        """What was printed so far."""
        return self.output_file.read_text()

    def wait_for(self, text: str, *, seconds: float = START_SECONDS) -> None:
        """Wait until `text` is printed; fail with the whole output where that does not happen."""
        assert self.process is not None
        deadline = time.monotonic() + seconds
        while text not in self.output:
            assert self.process.poll() is None, f"It ended before it said {text!r}:\n{self.output}"
            assert time.monotonic() < deadline, f"It did not say {text!r} within {seconds} s:\n{self.output}"
            time.sleep(0.02)

    @property
    def is_running(self) -> bool:
        """Whether the runner was started and has not ended."""
        return self.process is not None and self.process.poll() is None

    def processes(self) -> list[psutil.Process]:
        """The runner and everything below it."""
        assert self.process is not None
        try:
            runner = psutil.Process(self.process.pid)
            return [runner, *runner.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def stop(self, number: signal.Signals = signal.SIGINT) -> int:
        """End it as Ctrl-C does; the exit status. Nothing may be left, so what is left is killed."""
        assert self.process is not None
        everything = self.processes()
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=40)
        finally:
            for process in everything:
                if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                    process.kill()
            self.process.wait()

    def __enter__(self) -> Stack:
        return self if self.process else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def sandbox_url(self) -> str:
        return (self.var_dir / "sandbox.url").read_text().strip()

    @property
    def broker_url(self) -> str:
        return self.environ.get("REDIS_URL") or (self.var_dir / "broker.url").read_text().strip()

    def manage(self, *arguments: str, check: bool = False, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """`manage.py …` from a second shell."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=CHECKOUT,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=check,
        )

    def signin(self) -> str:
        """A fresh single-use sign-in link."""
        return self.manage("signin_link", check=True).stdout.strip()

    def session(self, username: str = "operator") -> requests.Session:
        """An HTTP client that signed in through a link, as a new administrator."""
        client = requests.Session()
        link = self.signin()
        form = client.get(link, timeout=10)
        form.raise_for_status()
        answer = client.post(
            form.url,
            data={
                "token": link.partition("token=")[2],
                "csrfmiddlewaretoken": form.text.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0],
                "username": username,
                "password": PASSWORD,
            },
            headers={"Referer": form.url},
            timeout=10,
        )
        answer.raise_for_status()
        return client


@contextmanager
def running_stack(var_dir: Path, *, port: int | None = None, **environ: str) -> Iterator[Stack]:
    """A started stack, stopped at the end whatever happens."""
    stack = Stack(var_dir, port=port, **environ)
    try:
        yield stack.start()
    finally:
        if stack.process is not None:
            stack.stop()
