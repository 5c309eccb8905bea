"""The command ``tune``: search for a better recipe on forecasts of the past, for as long as one can wait."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
import polars as pl
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState
from rich.table import Table
from sqlalchemy import NullPool
from sqlalchemy.exc import SQLAlchemyError

from taxi_api.model.features import FeatureBuilder
from training.console import notes, progress, results
from training.errors import TrainingError
from training.fingerprint import combined, fingerprint
from training.metrics import FILTERS
from training.networks import fit_networks
from training.recipe import Recipe
from training.rows import Rows, select, training_rows
from training.split import Window, split
from training.statistics import LEAST_MINUTES, fit_tables
from training.trips import columns, load_trips, minutes

_STUDY = "taxi-duration"
_DATA = "data.sha256"
_SHOWN = 5
_SPACE: dict[str, BaseDistribution] = {
    # More units would be too slow to serve.
    "units": IntDistribution(32, 96, step=16),
    "epochs": IntDistribution(4, 16),
    "learning_rate": FloatDistribution(0.0005, 0.005, log=True),
    "penalty": FloatDistribution(0.0001, 0.5, log=True),
    "hidden_weight": FloatDistribution(0.2, 1.0),
    "long_weight": FloatDistribution(0.0, 1.0),
}


@dataclass(frozen=True)
class _Forecast:
    """A window, made into what every trial needs of it."""

    rows: Rows
    later: NDArray[np.float32]
    """Features of the later trips of usual length."""
    truth: NDArray[np.float64]


def tune(data: Path, study: Path, out: Path, *, seconds: float, trials: int | None, most_trips: int) -> Recipe:
    """Search until the time is over, ``trials`` are done or Ctrl-C; write the best recipe of the study to ``out``.

    What counts is the mean RMSE over the calibration windows of ``split``, each forecast by a model that knows what
    came before, on trips of 1 to 60 minutes; the test months are never looked at. A study continues where it was left,
    on the same data only. At most ``most_trips`` train in each window, drawn at random.

    Raises TrainingError if the study or the data cannot be used.
    """
    digest = combined(fingerprint(data))
    found = _study(study, f"{digest}, {most_trips}")
    trips, _ = load_trips(data)
    with progress() as bar:
        windows = split(trips).windows
        forecasts = [_prepare(window, most_trips) for window in bar.track(windows, description="windows")]
    if not found.trials:
        # What is in use now is what has to be beaten.
        found.enqueue_trial({name: getattr(Recipe(), name) for name in _SPACE})
    with notes.status("searching; Ctrl-C ends it and keeps what was found"):
        try:
            _search(found, forecasts, seconds, trials)
        except KeyboardInterrupt:
            notes.print("stopped; the study is kept", style="yellow")
    done = found.get_trials(states=[TrialState.COMPLETE])
    if not done:
        raise TrainingError(f"no trial was finished; give more time, or continue with --study {study}")
    results.print(_table(done))
    best = replace(Recipe(), **found.best_params)
    best.write(out)
    results.print(f"{out}: RMSE {found.best_value:.4f} minutes over {len(forecasts)} windows, {len(done)} trials")
    return best


def _study(file: Path, data: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        found = optuna.create_study(
            storage=stored(file),
            study_name=_STUDY,
            load_if_exists=True,
            sampler=optuna.samplers.TPESampler(seed=Recipe.seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
        )
        known = found.user_attrs.get(_DATA)
        if known is None:
            found.set_user_attr(_DATA, data)
        # Whatever was running when an earlier search was killed will not finish.
        for trial in found.get_trials(states=[TrialState.RUNNING]):
            found.tell(trial.number, state=TrialState.FAIL)
    except (SQLAlchemyError, RuntimeError, OSError) as problem:
        reason = str(problem).strip().splitlines()[0]
        raise TrainingError(f"{file} cannot be used as a study: {reason}; give --study a new file") from problem
    if known not in {None, data}:
        raise TrainingError(f"{file} is a study of other data or another --most-trips; give --study a new file")
    return found


def stored(file: Path) -> optuna.storages.RDBStorage:
    """Return Optuna's storage in a SQLite file; it keeps no connection open that nobody would close."""
    return optuna.storages.RDBStorage(f"sqlite:///{file}", engine_kwargs={"poolclass": NullPool})


def _prepare(window: Window, most_trips: int) -> _Forecast:
    recipe = Recipe()
    trips, took = columns(window.earlier), minutes(window.earlier)
    chosen = np.flatnonzero(took >= LEAST_MINUTES)
    if len(chosen) > most_trips:
        chosen = np.sort(np.random.default_rng(recipe.seed).choice(chosen, most_trips, replace=False))
    trips, took = select(trips, chosen), took[chosen]
    usual = window.later.filter(pl.col("minutes").is_between(*FILTERS["1-60"]))
    tables = fit_tables(trips, took)
    return _Forecast(
        rows=training_rows(trips, took, tables, recipe),
        later=FeatureBuilder(tables).matrix(columns(usual)),
        truth=minutes(usual),
    )


def _search(study: optuna.Study, forecasts: Sequence[_Forecast], seconds: float, trials: int | None) -> None:
    """Try recipes until the time is over or there were enough; a trial that has begun is finished."""
    end = time.monotonic() + seconds
    tried = 0
    while time.monotonic() < end and (trials is None or tried < trials):
        trial = study.ask(_SPACE)
        try:
            study.tell(trial, _rmse(trial, forecasts))
        except optuna.TrialPruned:
            study.tell(trial, state=TrialState.PRUNED)
        except KeyboardInterrupt:
            study.tell(trial, state=TrialState.FAIL)
            raise
        tried += 1


def _rmse(trial: optuna.Trial, forecasts: Sequence[_Forecast]) -> float:
    """Return the mean RMSE over the windows in minutes; raise TrialPruned if it begins badly."""
    recipe = replace(Recipe(), **trial.params)
    found: list[float] = []
    for step, forecast in enumerate(forecasts):
        error = fit_networks(forecast.rows, recipe).outputs(forecast.later)[:, 0] - forecast.truth
        found.append(float(np.sqrt(np.mean(error**2))))
        trial.report(float(np.mean(found)), step)
        if step + 1 < len(forecasts) and trial.should_prune():
            raise optuna.TrialPruned
    return float(np.mean(found))


def _table(done: Sequence[optuna.trial.FrozenTrial]) -> Table:
    shown = Table("trial", "RMSE", title="Best recipes, forecasts of 1 to 60 minutes")
    for name in _SPACE:
        shown.add_column(name, justify="right")
    for trial in sorted(done, key=lambda trial: trial.value or 0.0)[:_SHOWN]:
        shown.add_row(str(trial.number), f"{trial.value:.4f}", *(f"{trial.params[name]:.4g}" for name in _SPACE))
    return shown
