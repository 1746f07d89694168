"""Engines: where shards run."""
