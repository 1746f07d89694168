"""Deployment: a trained predictor is used on a person's own images, or outside Python."""
