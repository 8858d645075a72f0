"""Sweeps: a project trained many times with values that Optuna chooses, each trial a run folder of its own."""
