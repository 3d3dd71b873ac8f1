"""Datasets to try things on, as NumPy arrays: found on this machine or fetched, and checked."""

from pydl.datasets.digits import load_digits
from pydl.datasets.fashion_mnist import FASHION_MNIST_CLASSES, load_fashion_mnist
from pydl.datasets.pretrained import find_mobilenet_v2_weights

__all__ = [
    "FASHION_MNIST_CLASSES",
    "find_mobilenet_v2_weights",
    "load_digits",
    "load_fashion_mnist",
]
