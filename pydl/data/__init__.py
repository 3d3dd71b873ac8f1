"""Datasets, and the batches that are made of them."""

from pydl.data.dataset import Dataset, Subset, TensorDataset, random_split, stratified_split
from pydl.data.loader import DataLoader

__all__ = [
    "DataLoader",
    "Dataset",
    "Subset",
    "TensorDataset",
    "random_split",
    "stratified_split",
]
