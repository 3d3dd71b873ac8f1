"""Runs calls of one kind under the sampler of the stack pointer, and names those where it strayed.

Run as ``python sampled_calls.py SAMPLER KIND``. The last line is the number of samples.
"""

from __future__ import annotations

import ctypes
import itertools
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import pydl
from pydl.nn import functional as F

sys.path.insert(0, str(Path(__file__).parents[1]))

SECONDS = 0.012  # for each call
Call = tuple[str, Callable[[], object]]

DTYPES = ("float32", "bfloat16", "float16")

# Rows, columns and depth of the products in the benchmark suites, and odd ones beside them.
PRODUCTS = [
    (32, 32, 64), (32, 10, 32), (128, 512, 784), (128, 10, 512), (512, 784, 128), (256, 1024, 512),
    (2048, 65, 256), (64, 120, 400), (64, 512, 128), (37, 1000, 129), (300, 300, 300),
    (1, 512, 784), (4, 512, 784), (100, 1, 1000), (65, 256, 2048), (8, 1000, 512), (1024, 512, 128),
    (512, 1024, 1024),
]  # fmt: skip

# Shape of the input, of the weight, stride, groups.
CONVOLUTIONS = [
    ((8, 1, 28, 28), (6, 1, 5, 5), 1, 1), ((8, 3, 32, 32), (32, 3, 3, 3), 1, 1),
    ((4, 64, 28, 28), (64, 64, 3, 3), 1, 1), ((4, 64, 28, 28), (128, 64, 3, 3), 2, 1),
    ((4, 64, 28, 28), (256, 64, 1, 1), 1, 1), ((4, 256, 14, 14), (512, 256, 1, 1), 2, 1),
    ((4, 64, 24, 24), (64, 1, 3, 3), 1, 64), ((2, 3, 112, 112), (64, 3, 7, 7), 2, 1),
    ((2, 3, 112, 112), (64, 3, 11, 11), 4, 1), ((4, 96, 13, 13), (256, 48, 5, 5), 1, 2),
    ((8, 14, 120), (64, 14, 5), 1, 1), ((2, 8, 10, 10, 10), (16, 8, 3, 3, 3), 1, 1),
    ((1, 64, 28, 28), (64, 64, 3, 3), 2, 1),
]  # fmt: skip


def random(shape: tuple[int, ...], dtype: str) -> pydl.Tensor:
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    return pydl.tensor(values).astype(dtype).detach()


def products() -> Iterator[Call]:
    for dtype, (rows, columns, depth) in itertools.product(DTYPES, PRODUCTS):
        left = [random((rows, depth), dtype), random((depth, rows), dtype).permute_dims((1, 0))]
        right = [
            random((depth, columns), dtype),
            random((columns, depth), dtype).permute_dims((1, 0)),
        ]
        for (i, a), (j, b) in itertools.product(enumerate(left), enumerate(right)):
            yield (
                f"matmul {dtype} {rows, columns, depth} {'NT'[i]}{'NT'[j]}",
                lambda a=a, b=b: a @ b,
            )


def convolutions() -> Iterator[Call]:
    functions = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
    for dtype, (x, w, stride, groups) in itertools.product(DTYPES, CONVOLUTIONS):
        operands = [random(x, dtype), random(w, dtype)]
        for operand in operands:
            operand.requires_grad = True

        def step(
            operands: list[pydl.Tensor] = operands, stride: int = stride, groups: int = groups
        ) -> object:
            y = functions[operands[0].ndim](*operands, stride=stride, padding=1, groups=groups)
            return pydl.grad(y, operands, [y.detach()])

        yield f"convolution {dtype} {x} {w} stride {stride} groups {groups}", step


def trainings() -> Iterator[Call]:
    from train.test_same_bits import TRAININGS, train

    for name in TRAININGS:
        for compiled in (False, True):
            yield (
                f"{name} {compiled=}",
                lambda name=name, compiled=compiled: train(name, 2, compiled),
            )


def main() -> None:
    sampler = ctypes.CDLL(sys.argv[1])
    sampler.sample_count.restype = sampler.stray_count.restype = ctypes.c_long
    if sampler.start_sampling(ctypes.c_long(100)) != 0:
        raise SystemExit("the sampler does not start")
    kinds = {"products": products, "convolutions": convolutions, "trainings": trainings}
    for name, call in kinds[sys.argv[2]]():
        before = sampler.stray_count()
        end = time.perf_counter() + SECONDS
        call()
        while time.perf_counter() < end:
            call()
        if sampler.stray_count() > before:
            print(name)
    sampler.stop_sampling()
    print(sampler.sample_count())


if __name__ == "__main__":
    main()
