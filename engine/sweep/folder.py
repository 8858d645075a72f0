"""The folder of a sweep, readable without torch and without Optuna.

It holds `spec.json` (the project with its sweep section), `study.jsonl` (Optuna's journal: what was tried, and what
came of it), `trials.json` (the same for whoever watches; written anew as trials go on), `trials/` (a run folder for
each trial), `environment.json` (where the data's paths start) and `log.txt`. A lock is held while it is at work.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from engine.problem import Mistake
from engine.spec import Spec, write_atomically
from engine.train.commands import Command
from engine.train.folder import Run

FOLDER = "sweeps"  # beside "runs"
STOP = "stop"  # the file that asks a sweep to stop
ORDER = 4  # digits of a trial's folder

TrialState = Literal["running", "finished", "pruned", "failed", "cut off"]
SweepState = Literal["running", "finished", "stopped"]


@dataclass(frozen=True, slots=True)
class Trial:
    """One trial: the values it was given by path, without params that its ops do not have, and its score by epoch.

    `score` is that of the epoch that counts, None where there is none; `why` says why a trial failed or was cut off.
    """

    number: int
    state: TrialState
    values: Mapping[str, Any]
    score: float | None = None
    scores: tuple[float | None, ...] = ()
    run: str = ""  # relative to the sweep's folder
    seconds: float = 0.0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Trials:
    """All trials of a sweep so far; `wanted` are to be finished, failed or pruned in the end."""

    metric: str
    higher: bool
    wanted: int
    trials: tuple[Trial, ...] = ()
    done: bool = False
    why: str = ""  # why the sweep ended before it was done
    ranges: Mapping[str, str] = field(default_factory=dict)  # path -> its range in words

    def best(self) -> Trial | None:
        """The finished trial with the best score; of equal ones the first."""
        scored = [each for each in self.trials if each.state == "finished" and each.score is not None]
        sign = -1.0 if self.higher else 1.0
        return min(scored, key=lambda each: (sign * (each.score or 0.0), each.number), default=None)

    def ranked(self) -> list[Trial]:
        """The finished trials, the best first."""
        scored = [each for each in self.trials if each.state == "finished" and each.score is not None]
        return sorted(scored, key=lambda each: ((each.score or 0.0) * (-1 if self.higher else 1), each.number))

    def over(self) -> int:
        """How many trials count as tried."""
        return sum(each.state in ("finished", "pruned", "failed") for each in self.trials)

    def encode(self) -> dict[str, Any]:
        """As a JSON object."""
        return asdict(self)

    @classmethod
    def decode(cls, data: Mapping[str, Any]) -> Trials:
        """Read what `encode` has written."""
        listed = tuple(Trial(**{**each, "scores": tuple(each["scores"])}) for each in data["trials"])
        return cls(**{**data, "trials": listed})


class SweepFolder(Run):
    """The folder of a sweep; it is locked and looked at as that of a run is."""

    @property
    def journal(self) -> Path:
        """Optuna's storage."""
        return self.path / "study.jsonl"

    def begin_sweep(self, spec: Spec, folder: Path) -> None:
        """Make the folder of a sweep whose data's relative paths start at `folder`."""
        self.begin(spec)
        self.checkpoints.rmdir()
        self.write_json("environment.json", {"folder": str(folder.resolve())})

    def data_folder(self) -> Path:
        """Where relative paths of the data start."""
        return Path(str(self.environment().get("folder", ".")))

    def request_stop(self) -> None:
        """Ask the sweep to stop."""
        (self.path / STOP).touch()

    def stop_requested(self) -> bool:
        """Whether it is asked to stop."""
        return (self.path / STOP).exists()

    def clear_stop(self) -> None:
        """Ask no longer."""
        (self.path / STOP).unlink(missing_ok=True)

    def trial_run(self, number: int) -> Run:
        """The run of a trial."""
        return Run(self.path / self.trial_name(number))

    @staticmethod
    def trial_name(number: int) -> str:
        """Where the run of a trial is, relative to the sweep's folder."""
        return f"trials/{number:0{ORDER}}"

    def write_trials(self, trials: Trials) -> None:
        """Write how the trials stand."""
        text = json.dumps(trials.encode(), ensure_ascii=False, allow_nan=False) + "\n"
        write_atomically(self.path / "trials.json", lambda stream: stream.write(text.encode()))

    def trials(self) -> Trials | None:
        """How the trials stand, or None before the first; raises Mistake where that cannot be read."""
        data = self._json("trials.json")
        try:
            return Trials.decode(data) if data else None
        except (KeyError, TypeError) as error:
            raise Mistake(f"{self.path / 'trials.json'} is damaged ({error}); resume the sweep to mend it.") from None

    def sweep_state(self) -> SweepState:
        """How the sweep stands, from its lock and its trials."""
        if self.alive():
            return "running"
        found = self.trials()
        return "finished" if found is not None and found.done else "stopped"


def stop_trial(run: Run) -> None:
    """Ask the run of a trial to stop."""
    run.tell(Command("stop"))


def sweeps_in(folder: Path) -> list[SweepFolder]:
    """List the sweeps in a folder, the newest first."""
    found = [SweepFolder(each.parent) for each in folder.glob("*/spec.json")] if folder.is_dir() else []
    return sorted(found, key=lambda sweep: (sweep.path / "spec.json").stat().st_mtime, reverse=True)
