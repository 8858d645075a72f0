"""A sweep's study in Optuna: where it is kept, and how values are chosen and trials pruned.

The storage is Optuna's journal file, lines of JSON. Samplers and pruners are made from the plan each time, so that
nothing is pickled; a grid is walked by its own order, and each of its combinations is handed to Optuna as it comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.pruners import BasePruner, HyperbandPruner, MedianPruner, NopPruner, SuccessiveHalvingPruner
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState as State

from engine.ops.sweep import Choices, Numbers, Range, Sweep, WholeNumbers
from engine.problem import Mistake
from engine.sweep.plan import Plan

NAME = "sweep"
WHY, SECONDS, CUT_OFF = "why", "seconds", "cut off"  # what is kept beside a trial
LEAST_TRIALS = 4  # that importances can be told from
STRIDE = 1_000_003  # between the seeds of a sweep that goes on after so many trials
FACTOR = 3  # of trials that go on from a rung of successive halving to the next

optuna.logging.set_verbosity(optuna.logging.ERROR)


class _Held(JournalFileOpenLock):
    """No lock of its own: the sweep holds one that falls with its process, and nobody else writes."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return


def open_study(journal: Path, plan: Plan, *, higher: bool, epochs: int) -> optuna.Study:
    """Open the study of a sweep, or begin it; what a kill left half-written is cut off."""
    _mend(journal)
    study = optuna.create_study(
        storage=JournalStorage(JournalFileBackend(str(journal), lock_obj=_Held(str(journal)))),
        pruner=_pruner(plan.settings, epochs),
        study_name=NAME,
        direction="maximize" if higher else "minimize",
        load_if_exists=True,
    )
    study.sampler = _sampler(plan.settings, len(study.get_trials(deepcopy=False)))
    return study


def _mend(journal: Path) -> None:
    """Cut off a last line that is not whole; what would be written behind it could not be read."""
    if not journal.exists():
        return
    data = journal.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with journal.open("r+b") as stream:
            stream.truncate(whole)


def _sampler(settings: Sweep, begun: int) -> BaseSampler:
    """What chooses values; where trials were begun before, it draws others than it did for those."""
    seed = (settings.seed + begun * STRIDE) % 2**32
    if settings.sampler != "TPE":
        return RandomSampler(seed=seed)
    return TPESampler(seed=seed, constant_liar=settings.jobs > 1)


def _pruner(settings: Sweep, epochs: int) -> BasePruner:
    makers: Mapping[str, Callable[[], BasePruner]] = {
        "none": NopPruner,
        "median": lambda: MedianPruner(n_startup_trials=LEAST_TRIALS, n_warmup_steps=settings.grace),
        "successive halving": lambda: SuccessiveHalvingPruner(min_resource=settings.grace, reduction_factor=FACTOR),
        "hyperband": lambda: HyperbandPruner(
            min_resource=settings.grace, max_resource=max(epochs, settings.grace), reduction_factor=FACTOR
        ),
    }
    return makers[settings.pruner]()


def distribution(range: Range) -> BaseDistribution:
    """A range as Optuna has it; choices are their JSON texts, for it holds neither lists nor 1 beside true."""
    match range:
        case Numbers():
            return FloatDistribution(range.low, range.high, log=range.log)
        case WholeNumbers():
            return IntDistribution(range.low, range.ends()[1], log=range.log, step=range.step)
        case Choices():
            return CategoricalDistribution([json.dumps(each) for each in range.grid()])
    raise TypeError(range)


def distributions(plan: Plan) -> dict[str, BaseDistribution]:
    """What each path of a plan varies over."""
    return {each.path: distribution(each.range) for each in plan.space}


def values_of(plan: Plan, params: Mapping[str, Any]) -> dict[str, Any]:
    """Optuna's params as values of the spec, in the order of the plan."""
    chosen = {each.path for each in plan.space if isinstance(each.range, Choices)}
    return {
        each.path: json.loads(params[each.path]) if each.path in chosen else params[each.path]
        for each in plan.space
        if each.path in params
    }


def _params_of(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    chosen = {each.path for each in plan.space if isinstance(each.range, Choices)}
    return {path: json.dumps(value) if path in chosen else value for path, value in values.items()}


def retire(study: optuna.Study, plan: Plan) -> None:
    """Mark trials that were at work when the sweep was cut off as such, and have their values tried again."""
    for trial in study.get_trials(deepcopy=False, states=(State.RUNNING,)):
        give_up(study, plan, trial.number, "The sweep was cut off while it trained; its values are tried again.")


def give_up(study: optuna.Study, plan: Plan, number: int, why: str) -> None:
    """Mark a trial as cut off, and have its values tried again; a grid comes back to them by itself."""
    trial = study.get_trials(deepcopy=False)[number]
    note(study, number, CUT_OFF, True)
    note(study, number, WHY, why)
    study.tell(number, state=State.FAIL)
    if plan.settings.sampler != "grid" and len(trial.params) == len(plan.space):
        study.enqueue_trial(trial.params)


def note(study: optuna.Study, number: int, key: str, value: Any) -> None:
    """Keep something beside a trial, one of an earlier sitting as well."""
    trial = study.get_trials(deepcopy=False)[number]
    study._storage.set_trial_user_attr(trial._trial_id, key, value)  # Optuna has no public way for such a trial


def ask(study: optuna.Study, plan: Plan) -> optuna.Trial | None:
    """Begin the next trial; None where a grid has no combination left."""
    waiting = study.get_trials(deepcopy=False, states=(State.WAITING,))
    if plan.settings.sampler == "grid" and not waiting:
        tried = {_key(each.params) for each in study.get_trials(deepcopy=False) if CUT_OFF not in each.user_attrs}
        combinations = (_params_of(plan, each) for each in plan.combinations())
        left = next((each for each in combinations if _key(each) not in tried), None)
        if left is None:
            return None
        study.enqueue_trial(left)
    return study.ask(distributions(plan))


def _key(params: Mapping[str, Any]) -> str:
    return json.dumps(params, sort_keys=True)


def over(study: optuna.Study) -> int:
    """How many trials count as tried: those that were cut off are tried again."""
    ended = study.get_trials(deepcopy=False, states=(State.COMPLETE, State.PRUNED, State.FAIL))
    return sum(CUT_OFF not in each.user_attrs for each in ended)


def importances(journal: Path) -> dict[str, float]:
    """How much each path matters, shares that sum to 1 (fANOVA); raises Mistake where that cannot be told yet."""
    if not journal.exists():
        raise Mistake("There are no trials yet.")
    storage = JournalStorage(JournalFileBackend(str(journal), lock_obj=_Held(str(journal))))
    study = optuna.load_study(study_name=NAME, storage=storage)
    complete = study.get_trials(deepcopy=False, states=(State.COMPLETE,))
    if len(complete) < LEAST_TRIALS:
        raise Mistake(f"What matters can be told from {LEAST_TRIALS} finished trials on; there are {len(complete)}.")
    if len({each.value for each in complete}) == 1:
        raise Mistake("All trials came out alike, so nothing can be told of what matters.")
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return {path: float(share) for path, share in found.items()}
