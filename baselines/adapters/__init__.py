"""Adapters: a module for each library whose parts are predictors, `iqa:ms_ssim` and `ood:max_logit`.

Each has a table `PREDICTORS`, by name, and `find(name)`, which gives the class. They use only the public names of `benchmark`.
"""
