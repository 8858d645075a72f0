"""A study as whoever watches sees it: trials with their values of the spec, states and scores."""

from __future__ import annotations

import optuna
from optuna.trial import FrozenTrial
from optuna.trial import TrialState as State

from engine.sweep.folder import SweepFolder, Trial, Trials, TrialState
from engine.sweep.objective import Objective
from engine.sweep.plan import Plan
from engine.sweep.study import CUT_OFF, SECONDS, WHY, values_of

STATES: dict[State, TrialState] = {
    State.RUNNING: "running",
    State.COMPLETE: "finished",
    State.PRUNED: "pruned",
    State.FAIL: "failed",
}


def trials_of(study: optuna.Study, plan: Plan, objective: Objective, *, done: bool = False, why: str = "") -> Trials:
    """All trials of a study that have begun."""
    begun = [each for each in study.get_trials(deepcopy=False) if each.state in STATES]
    return Trials(
        metric=objective.metric,
        higher=objective.higher,
        wanted=plan.trials(),
        trials=tuple(_trial(each, plan) for each in begun),
        done=done,
        why=why,
        ranges={each.path: each.range.words() for each in plan.space},
    )


def _trial(trial: FrozenTrial, plan: Plan) -> Trial:
    told = trial.intermediate_values
    return Trial(
        number=trial.number,
        state="cut off" if CUT_OFF in trial.user_attrs else STATES[trial.state],
        values=plan.acting(values_of(plan, trial.params)),
        score=trial.value if trial.state in (State.COMPLETE, State.PRUNED) else None,
        scores=tuple(told.get(epoch) for epoch in range(1, max(told, default=0) + 1)),
        run=SweepFolder.trial_name(trial.number),
        seconds=float(trial.user_attrs.get(SECONDS, 0.0)),
        why=str(trial.user_attrs.get(WHY, "")),
    )
