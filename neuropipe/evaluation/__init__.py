"""Honest evaluation: scores with chance, uncertainty and baselines beside them."""
