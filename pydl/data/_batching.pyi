from typing import Any

import numpy as np
import numpy.typing as npt

def gather_rows(source: Any, index: npt.NDArray[np.int64], start: int, out: Any) -> None: ...
def gather_windows(
    source: Any, starts: npt.NDArray[np.int64], offsets: npt.NDArray[np.int64], out: Any
) -> None: ...
