"""Questions to many servers at once, with one deadline for all of them."""

import queue
import threading
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Literal, TypeVar

Upstream = Literal["same", "changed", "unknown"]
Key = TypeVar("Key", bound=Hashable)
AT_ONCE = 16


def ask_all(questions: Mapping[Key, Callable[[], Upstream]], deadline: float) -> dict[Key, Upstream]:
    """The answer to each question; `unknown` where it failed or did not come within `deadline` s after the start.

    The threads are daemons: a server that never answers keeps neither the caller nor the interpreter waiting.
    """
    waiting: queue.SimpleQueue[Key] = queue.SimpleQueue()
    answers: queue.SimpleQueue[tuple[Key, Upstream]] = queue.SimpleQueue()
    for key in questions:
        waiting.put(key)
    ends = time.monotonic() + deadline

    def work() -> None:
        while time.monotonic() < ends:
            try:
                key = waiting.get_nowait()
            except queue.Empty:
                return
            try:
                answers.put((key, questions[key]()))
            except Exception:  # whatever one server's answer breaks must not silence the others
                answers.put((key, "unknown"))

    for _ in range(min(AT_ONCE, len(questions))):
        threading.Thread(target=work, daemon=True).start()
    found: dict[Key, Upstream] = dict.fromkeys(questions, "unknown")
    for _ in questions:
        try:
            key, answer = answers.get(timeout=max(0.0, ends - time.monotonic()))
        except queue.Empty:
            break
        found[key] = answer
    return found
