"""Compilation of functions on tensors into programs that run in one call."""

from pydl.compiler.function import CompiledFunction, compile

__all__ = ["CompiledFunction", "compile"]
