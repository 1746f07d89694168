"""A predictor on a suite: from its name or class to its scorecard."""
