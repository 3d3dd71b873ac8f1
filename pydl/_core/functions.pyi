"""Functions that are bound by their declaration."""

# Written by tools/generate_stubs.py from the built extension: do not edit.

__all__ = []
