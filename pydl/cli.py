"""The command `pydl`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import pydl


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {value}")
    return value


class _CMakeFolder(argparse.Action):
    """Prints the folder of ``pydl-config.cmake``, for ``cmake -Dpydl_DIR=...``."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        # Next to the extension module: an editable installation has the Python files elsewhere.
        folder = Path(pydl._core.__file__).parent / "lib" / "cmake" / "pydl"
        if not folder.is_dir():
            parser.exit(1, f"{parser.prog}: the C++ library was not installed: no {folder}\n")
        print(folder)
        parser.exit()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="pydl", description="Train and run neural networks.")
    parser.add_argument("--version", action="version", version=f"pydl {pydl.__version__}")
    parser.add_argument(
        "--cmake-dir", action=_CMakeFolder, nargs=0, help="show the folder of the CMake package"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("info", help="show version, processor, providers and threads")
    demo = commands.add_parser("demo", help="train a network on images and show its predictions")
    demo.add_argument(
        "--data",
        choices=("digits", "fashion-mnist"),
        default="digits",
        help="5,000 digits, or the 60,000 images of Fashion-MNIST (default: digits)",
    )
    demo.add_argument("--epochs", type=_positive, help="passes over the data")
    demo.add_argument("--seed", type=int, default=0, help="of all random numbers (default: 0)")
    demo.add_argument(
        "--output",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="where pictures and the model go (default: the current folder)",
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns its exit status."""
    options = _parser().parse_args(arguments)
    if options.command == "info":
        print(pydl.info())
        return 0
    from pydl.demo import run

    try:
        run(options.data, options.epochs, options.seed, options.output)
    except OSError as error:  # data that are missing, a folder that cannot be written
        print(f"pydl demo: {error}", file=sys.stderr)
        return 1
    return 0
