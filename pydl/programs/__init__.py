"""Programs in files: functions that run, and continue training, without their Python source."""

from pydl._checked_calls import check_public
from pydl.programs.loaded import Program, TensorInfo, load
from pydl.programs.saving import save_program

__all__ = ["Program", "TensorInfo", "load", "save_program"]

check_public(globals())
