"""Runs several programs as one: starts them, relays their output line by line, and stops them all together.

Our own, and not honcho's Manager, because that was tried (2.0) and proved unable: an interrupt before its last program
has reported ends in a KeyError and a hang, a terminal's hang-up and a killed runner leave every program running, and
each program costs one more Python process in between. One thread and a selector do it in less code than mending that.
"""

import ctypes
import os
import selectors
import signal
import subprocess
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import IO

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
GRACE_SECONDS = 8.0
START_SECONDS = 60.0
_PR_SET_PDEATHSIG = 1


class RunnerError(Exception):
    """A program could not be started, ended by itself or never answered; the message is a sentence for a person."""


@dataclass(frozen=True, kw_only=True)
class Program:
    """One program to run.

    One that `supports_others` starts before and stops after those that do not. Lines with `noise` in them are left out.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    supports_others: bool = False
    noise: tuple[str, ...] = ()


@dataclass
class StopRequest:
    """Set by a signal. While `is_immediate`, the signal also breaks off whatever is being done at that moment."""

    signals: list[int] = field(default_factory=list)
    is_immediate: bool = True

    def handle(self, number: int, frame: FrameType | None) -> None:
        self.signals.append(number)
        if self.is_immediate:
            raise KeyboardInterrupt


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Take up Ctrl-C, SIGTERM and the terminal's hang-up from here on, and give them back afterwards."""
    request = StopRequest()
    before = {number: signal.signal(number, request.handle) for number in STOP_SIGNALS}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Relay:
    """Writes lines, each with the name of who says it. A terminal that is gone is no reason to stop."""

    out: IO[str]
    width: int = 8

    def say(self, line: str = "", *, name: str = "") -> None:
        with suppress(OSError, UnicodeEncodeError):
            print(f"{name:>{self.width}} │ {line}" if name else line, file=self.out, flush=True)


@dataclass
class _Running:
    program: Program
    process: subprocess.Popen[bytes]
    unfinished_line: bytes = b""


class Runner:
    """Runs programs until one ends or a stop is asked for, and never leaves one behind."""

    def __init__(self, programs: Sequence[Program], *, relay: Relay, request: StopRequest) -> None:
        self._programs = sorted(programs, key=lambda program: not program.supports_others)
        self._relay = relay
        self._request = request
        self._running: list[_Running] = []
        self._selector = selectors.DefaultSelector()

    def run(self, *, find_missing: Callable[[], str | None], announce: Callable[[], None]) -> None:
        """Start everything; once `find_missing` returns None, `announce`; return when a stop was asked for.

        `find_missing` names what does not answer yet and must itself answer within a second or so.
        Raises RunnerError where a program ends by itself or something does not answer within START_SECONDS.
        Whatever happens, every program has ended when this returns.
        """
        self._request.is_immediate = False
        deadline = time.monotonic() + START_SECONDS
        is_announced = False
        try:
            for program in self._programs:
                self._start(program)
            while not self._request.signals:
                self._relay_output(timeout=0.5 if is_announced else 0.1)
                self._refuse_losses()
                if is_announced or self._request.signals:
                    continue
                missing = find_missing()
                if missing is None:
                    announce()
                    is_announced = True
                elif time.monotonic() > deadline:
                    raise RunnerError(f"Not ready after {START_SECONDS:.0f} seconds. {missing}")
        finally:
            self._stop()
            self._selector.close()
            for running in self._running:
                if running.process.stdout is not None:
                    running.process.stdout.close()

    def _start(self, program: Program) -> None:
        if self._request.signals:
            return
        try:
            # No thread runs here, so the function between fork and exec is safe.
            process = subprocess.Popen(  # noqa: S603 - the programs are ours, no shell is involved
                program.command,
                env=dict(program.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with(os.getpid()) if sys.platform == "linux" else None,
            )
        except OSError as error:
            raise RunnerError(f"{program.name} could not be started: {error}.") from error
        assert process.stdout is not None  # noqa: S101 - because of PIPE
        os.set_blocking(process.stdout.fileno(), False)
        running = _Running(program, process)
        self._running.append(running)
        self._selector.register(process.stdout, selectors.EVENT_READ, running)

    def _relay_output(self, *, timeout: float) -> None:
        if not self._selector.get_map():
            time.sleep(timeout)
            return
        for key, _ in self._selector.select(timeout):
            running: _Running = key.data
            chunk = os.read(key.fd, 65536)
            *lines, running.unfinished_line = (running.unfinished_line + chunk).split(b"\n")
            if not chunk:
                self._selector.unregister(key.fileobj)
                lines = [running.unfinished_line] if running.unfinished_line else []
            for line in lines:
                text = make_printable(line.decode(errors="replace").rstrip())
                if not self._request.signals and not any(noise in text for noise in running.program.noise):
                    self._relay.say(text, name=running.program.name)

    def _refuse_losses(self) -> None:
        """Raise RunnerError where a program has ended although nobody asked it to."""
        for running in self._running:
            if (status := running.process.poll()) is not None:
                self._relay_output(timeout=0.2)
                raise RunnerError(
                    f"{running.program.name} ended by itself ({describe_exit(status)}); "
                    "what it said last stands above. Everything else was stopped with it."
                )

    def _stop(self) -> None:
        """End all programs: first those that lean on others, then those leant on; the slow ones by force.

        What they say when they were asked to stop is of no interest.
        """
        if self._request.signals:
            self._relay.say("Stopping…")
        for is_support in (False, True):
            group = [running for running in self._running if running.program.supports_others == is_support]
            for running in group:
                if running.process.poll() is None:
                    running.process.terminate()
            asked = len(self._request.signals)
            deadline = time.monotonic() + GRACE_SECONDS
            while any(running.process.poll() is None for running in group):
                self._relay_output(timeout=0.05)
                if time.monotonic() > deadline or len(self._request.signals) > max(asked, 1):
                    break
            for running in group:
                _kill_session(running.process.pid)
                running.process.wait()


def make_printable(text: str) -> str:
    """`text` without what a terminal obeys or hides: control and format characters, but for tabs, show as U+FFFD."""
    if text.isprintable():
        return text
    return "".join("\N{REPLACEMENT CHARACTER}" if char != "\t" and _is_control(char) else char for char in text)


def _is_control(char: str) -> bool:
    return unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _kill_session(leader: int) -> None:
    """Kill what is left of a program: itself if it did not end in time, and children it did not take along."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _end_with(runner: int) -> Callable[[], None]:
    """For the moment between fork and exec: have the kernel end this program when `runner` is gone, even if killed.

    See prctl(2), PR_SET_PDEATHSIG; it outlives execve(2).
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM))
        if os.getppid() != runner:
            os._exit(1)

    return ask_kernel


def describe_exit(status: int) -> str:
    """`status` as Popen.returncode gives it, in words."""
    return f"by signal {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
