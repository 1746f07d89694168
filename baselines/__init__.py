"""Baselines: one file each, loaded exactly as a stranger's predictor is. They use only the public names of `benchmark`."""
