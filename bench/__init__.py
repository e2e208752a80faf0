"""Benchmarks: what the product does in a second, beside what this machine could do at most."""
