"""Prints the folder of oneDNN's dnnl-config.cmake, where its PyPI package is installed."""

from importlib import metadata
from pathlib import Path

try:
    files = metadata.files("onednn-devel-cpu-gomp") or []
except metadata.PackageNotFoundError:
    files = []
for file in files:
    if file.name == "dnnl-config.cmake":
        print(Path(str(file.locate())).resolve().parent.as_posix())
