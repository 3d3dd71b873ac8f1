"""`python -m pydl`: the same as the command `pydl`."""

from pydl.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
