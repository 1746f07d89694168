"""From photographs to outcomes and labels: the only room in which task networks run."""
