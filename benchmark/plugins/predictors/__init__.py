"""Predictors: their base class, discovery, contract and submissions."""
