"""Pure functions of arrays for utility, metrics, resampling, matching and mAP; they use no files, torch or suites."""
