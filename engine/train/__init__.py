"""Training: the run folder (plain), and the loop, checkpoints, evaluation and prediction (torch)."""
