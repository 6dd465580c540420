"""Progress of a run: a bar with the time left on a terminal, a line every half minute in a log."""

import contextlib
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from assets.cli.grid import width

if TYPE_CHECKING:
    from assets.dagster.driver import StepReport

INTERVAL = 30.0  # s between lines in a log
MARKS = {"done": ("done", "green"), "hit": ("hit", None), "failed": ("failed", "red"), "skipped": ("skipped", "yellow")}
BAR, MARK = 20, 7  # characters


@contextlib.contextmanager
def progress(quiet: bool) -> Iterator[Callable[["StepReport"], None]]:
    """Show the step reports that it is called with; nothing when quiet.

    A report may carry `total`, the number of steps of the whole run, and `number`, that of its own step; without them
    steps are only counted.
    """
    if quiet:
        yield lambda step: None
        return
    shown = Terminal() if sys.stdout.isatty() else Log()
    stopped = threading.Event()
    every = 0.5 if isinstance(shown, Terminal) else 1.0

    def tick() -> None:
        while not stopped.wait(every):
            shown.refresh()

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield shown.tell
    finally:
        stopped.set()
        ticking.join()
        shown.close()


@dataclass
class Shown:
    """What both kinds of output know: which step runs since when, how many have ended, and how long the rest takes."""

    clock: Callable[[], float] = time.monotonic
    step: str = ""
    message: str = ""
    began: float = 0.0
    ended: int = 0
    number: int = 0
    total: int = 0
    _since: float = 0.0
    _seconds: list[float] = field(default_factory=list)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def tell(self, step: "StepReport") -> None:
        with self._lock:
            self.total = getattr(step, "total", 0) or self.total
            self.number = getattr(step, "number", 0) or self.ended + 1
            named = f"{step.asset} {step.session or ''}".strip()
            if step.state == "start" or (step.state == "progress" and named != self.step):
                self.step, self.message, self._since = named, "", self.clock()
            if step.state == "progress":
                said = " ".join(step.reason.split())
                # A log sentence names the step, and so does the line that it becomes a part of.
                self.message = said.removeprefix(f"{step.asset} of {step.session}: ").removeprefix(f"{step.asset}: ")
            if step.state in MARKS:
                self.ended = max(self.ended + 1, self.number if getattr(step, "number", 0) else 0)
                if step.state != "hit" and step.seconds is not None:
                    self._seconds.append(step.seconds)
                self.say(step, named)
                self.step = ""
            self.refresh()

    def left(self) -> str:
        """Time left, if the steps to come take as long as those that ran."""
        if not self.total or not self._seconds or self.ended >= self.total:
            return ""
        return f"about {duration(sum(self._seconds) / len(self._seconds) * (self.total - self.ended))} left"

    def position(self) -> str:
        number = min(self.ended + 1, self.total) if self.total else self.ended + 1
        return f"step {number} of {self.total}" if self.total else f"step {number}"

    def running(self) -> str:
        return f"{self.step} {duration(self.clock() - self._since)}{': ' + self.message if self.message else ''}"

    def ending(self, step: "StepReport", named: str) -> list[str]:
        """The lines that say how a step ended."""
        word, colour = MARKS[step.state]
        took = f"  {duration(step.seconds)}" if step.seconds is not None else ""
        # A failure gives its reason a line of its own, as reasons may be long.
        why = f"  {step.reason}" if step.reason and step.state != "failed" else ""
        lines = [f"{click.style(word.ljust(MARK), fg=colour)} {named}{took}{click.style(why, dim=True)}"]
        return lines + ([f"{' ' * MARK} {click.style(step.reason, fg='red')}"] if step.state == "failed" else [])

    def say(self, step: "StepReport", named: str) -> None:
        raise NotImplementedError

    def refresh(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Leave nothing behind that is not a line of its own."""


class Log(Shown):
    """Lines for a log: each step that ends, and every half minute the one that runs."""

    _said: float = 0.0

    def say(self, step: "StepReport", named: str) -> None:
        for line in self.ending(step, named):
            click.echo(line)
        self._said = self.clock()

    def refresh(self) -> None:
        with self._lock:
            now = self.clock()
            if self.step and now - max(self._said, self._since) >= INTERVAL:
                left = self.left()
                click.echo(f"{self.position()}: {self.running()}{', ' + left if left else ''}")
                self._said = now


class Terminal(Shown):
    """A line at the bottom with a bar, which the lines of ended steps push down."""

    _drawn: bool = False

    def say(self, step: "StepReport", named: str) -> None:
        self._clear()
        for line in self.ending(step, named):
            click.echo(line)

    def refresh(self) -> None:
        with self._lock:
            self._clear()
            if not self.step and not self.total:
                return
            done = self.ended / self.total if self.total else 0
            bar = f"[{'#' * round(done * BAR)}{'-' * (BAR - round(done * BAR))}] " if self.total else ""
            parts = [self.position(), self.left(), self.running() if self.step else "planning"]
            text = bar + ", ".join(part for part in parts if part)
            click.echo(text[: width() - 1], nl=False)
            self._drawn = True

    def close(self) -> None:
        with self._lock:
            self._clear()

    def _clear(self) -> None:
        if self._drawn:
            click.echo("\r\x1b[2K", nl=False)
            self._drawn = False


def duration(seconds: float) -> str:
    """5.3 s, 4 min 10 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 9.95 else f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"
