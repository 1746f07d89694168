"""Advice on a person's own photographs: the cheapest codec and level at which their network still decides as before."""
