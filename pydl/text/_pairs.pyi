from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

def learn(
    symbols: npt.NDArray[np.int32],
    pointers: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int64],
    first: int,
    merges: int,
    min_count: int,
) -> list[tuple[int, int]]: ...

class Merger:
    def __init__(self, merges: npt.NDArray[np.int32], first: int) -> None: ...
    def merge(self, symbols: Sequence[int]) -> list[int]: ...
