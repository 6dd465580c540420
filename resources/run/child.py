"""The child process itself, `python -m resources.run.child FD`: fills the draft of one stage and says how it went.

It is told by JSON what to make (see `Job`), builds the pipeline anew from the same folders and calls the stage with the
same inputs. It answers on file descriptor FD, one line of JSON each: log lines as they come, then how it ended.
"""

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from neuropipe.errors import BadInput
from resources.run.job import Job
from resources.store.artifact import Artifact, Draft
from resources.store.code import changed_since_start
from resources.store.memo import LOG, fill

OURS = ("neuropipe", "resources", "assets")
FIRST_TO_GO = 500  # of 1000: when memory runs out, the system is to end this process and not the one that waits for it


class Answers:
    """Lines of JSON to the parent, whole ones whichever thread says them."""

    def __init__(self, descriptor: int):
        os.set_inheritable(descriptor, False)
        self._file = os.fdopen(descriptor, "w", encoding="utf-8")
        self._lock = threading.Lock()

    def say(self, **said: Any) -> None:
        with self._lock, contextlib.suppress(BrokenPipeError):  # without a parent, this process is about to end
            self._file.write(json.dumps(said) + "\n")
            self._file.flush()


class Forward(logging.Handler):
    """Hands log lines to the parent."""

    def __init__(self, answers: Answers):
        super().__init__()
        self._answers = answers

    def emit(self, record: logging.LogRecord) -> None:
        self._answers.say(log=record.getMessage(), level=record.levelno)


def main() -> None:
    answers = Answers(int(sys.argv[1]))
    job = Job(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    with contextlib.suppress(OSError):  # some sandboxes forbid it, and nothing depends on it
        Path("/proc/self/oom_score_adj").write_text(str(FIRST_TO_GO))
    logging.captureWarnings(True)
    logging.getLogger().addHandler(Forward(answers))
    for name in OURS:
        logging.getLogger(name).setLevel(logging.INFO)
    answers.say(**_outcome(job))
    # Threads that an error left behind are not waited for.
    os._exit(0)


def _end_with_the_parent() -> None:
    """Waits for stdin to close, which the parent holds open as long as it lives."""
    while os.read(0, 1):
        continue
    with contextlib.suppress(ProcessLookupError):
        os.killpg(os.getpid(), signal.SIGKILL)  # and with it all that it started
    os._exit(1)


def _outcome(job: Job) -> dict[str, Any]:
    try:
        draft = do(job)
    except BadInput as error:
        return {"bad_input": str(error)}
    except MemoryError as error:
        return {"memory": str(error) or "no memory is left"}
    except Exception as error:
        is_system = isinstance(error, OSError) and error.errno is not None
        return {
            "error": type(error).__name__,
            "message": error.strerror if is_system else str(error),
            "errno": error.errno if is_system else None,
            "filename": error.filename if is_system else None,
            "traceback": traceback.format_exc(),
        }
    return {"done": {"metadata": draft.metadata, "checks": draft.checks}}


def do(job: Job) -> Draft:
    """Fill the draft of a job. Raises BadInput where the code or the catalogue is not what the job was planned with."""
    planner = job.planner()
    workspace = planner.pipeline.workspace
    stage = planner.pipeline.stage(job.asset)
    session = workspace.catalog.session(job.session) if job.session else None
    what = f"{job.asset} of {job.session}" if job.session else job.asset
    if planner.fingerprint(stage, session, job.versions) != job.fingerprint:
        raise BadInput(
            f"the code or the catalogue changed after {what} was planned: run again (a web UI that was started before "
            "needs its code location reloaded)"
        )
    artifacts = {name: Artifact.read(Path(path)) if path else None for name, path in job.artifacts.items()}
    files = workspace.sources.verified(session) if "files" in stage.parameters and session is not None else {}
    draft = Draft(Path(job.draft))
    fill(planner, stage, session, artifacts, files, draft, Path(job.progress) if job.progress else None, LOG)
    uses = stage.uses(planner.config(stage, session))
    if edited := changed_since_start(planner.code.files(stage.roots(uses))):
        raise BadInput(f"while {what} ran, {edited[0].name} was edited; nothing was stored: run again")
    return draft


if __name__ == "__main__":
    main()
