"""Compilation of functions on tensors into programs that run in one call."""

from pydl._checked_calls import check_public
from pydl.compiler.function import CompiledFunction, compile

__all__ = ["CompiledFunction", "compile"]

check_public(globals())
