"""Benchmarks of pydl and other frameworks: ``python -m bench --help``."""
