"""Benchmarks of pydl beside other frameworks: ``python -m bench --help``."""
