"""Evaluation: a predictor and a ground truth become scores and a scorecard."""
