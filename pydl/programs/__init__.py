"""Programs in files: functions that run, and go on training, without their Python source."""

from pydl.programs.loaded import Program, TensorInfo, load
from pydl.programs.saving import save_program

__all__ = ["Program", "TensorInfo", "load", "save_program"]
