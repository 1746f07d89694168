"""The page in a browser of this machine: one photograph, a codec and a level, and what networks and predictors say of both."""
