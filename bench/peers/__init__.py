"""The frameworks: one module each, imported only in their own processes.

Each module has ``build(work, data, variant) -> Contender`` and needs no other framework.
"""

from __future__ import annotations


class NotAvailableError(Exception):
    """The framework is installed, but not this variant of it."""


def split(contender: str) -> tuple[str, str]:
    """Framework and variant of a contender: ``"torch fused"`` is ``("torch", "fused")``."""
    framework, _, variant = contender.partition(" ")
    return framework, variant


def environment(framework: str, threads: int, scratch: str) -> dict[str, str]:
    """Variables for a framework's process: its number of threads, and nothing from former runs.

    All read their variables once, when they are imported. oneDNN inside PyTorch and TensorFlow
    takes the threads of its host; XLA inside TensorFlow takes those of the operations.
    """
    count = str(threads)
    return {
        "pydl": {"PYDL_NUM_THREADS": count},
        "sklearn": {},  # its work on text has one thread
        "numpy": {"OPENBLAS_NUM_THREADS": count, "MKL_NUM_THREADS": count},
        # Without its own folder, torch.compile would load what a former process compiled.
        "torch": {
            "OMP_NUM_THREADS": count,
            "MKL_NUM_THREADS": count,
            "TORCHINDUCTOR_CACHE_DIR": scratch,
        },
        # JAX has no option for it; XLA's CPU client sizes its pool by NPROC.
        "jax": {"NPROC": count, "JAX_PLATFORMS": "cpu"},
        "tensorflow": {
            "TF_NUM_INTRAOP_THREADS": count,
            "TF_NUM_INTEROP_THREADS": count,
            "CUDA_VISIBLE_DEVICES": "-1",
            "KERAS_BACKEND": "tensorflow",
        },
    }[framework]
