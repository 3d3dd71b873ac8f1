"""Programs in files: functions that run, and go on training, without their Python source."""

from pydl.programs.loaded import Program, load
from pydl.programs.saving import FunctionToSave, save_functions, save_program

__all__ = ["FunctionToSave", "Program", "load", "save_functions", "save_program"]
