"""Exchange with files and other libraries."""

from pydl.interop.safetensors import load, load_metadata, save

__all__ = ["load", "load_metadata", "save"]
