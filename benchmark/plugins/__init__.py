"""The kinds of plug-in that a package can add: distortions, datasets, networks and predictors, each found by name."""
