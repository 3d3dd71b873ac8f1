"""Write 5,000 handwritten digits to a safetensors file, for the C++ program in this folder."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import pydl
from pydl.datasets import load_digits


def main() -> None:
    """Write the file that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    options = parser.parse_args()
    (images, labels), (test_images, test_labels) = load_digits(seed=0)
    pydl.save(
        options.path,
        {
            "train.images": images.reshape(len(images), -1).astype(np.float32),
            "train.labels": labels.astype(np.int64),
            "test.images": test_images.reshape(len(test_images), -1).astype(np.float32),
            "test.labels": test_labels.astype(np.int64),
        },
    )


if __name__ == "__main__":
    main()
