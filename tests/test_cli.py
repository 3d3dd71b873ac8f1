"""The command `pydl`."""

from __future__ import annotations

import subprocess
import sys

import pytest

import pydl
from pydl.cli import main


def test_info(capsys):
    assert main(["info"]) == 0
    report = capsys.readouterr().out
    assert report == str(pydl.info()) + "\n"
    facts = dict(line.split("  ", 1) for line in report.splitlines())
    assert facts["pydl"].strip() == pydl.__version__
    assert facts["providers"].split(",")[-1].strip() == "ref"
    assert facts["threads"].strip().startswith(f"{pydl.get_num_threads()} (")


def test_as_a_module(tmp_path):
    # In a folder of its own: the source folder pydl/ of the repository would hide the package.
    command = [sys.executable, "-m", "pydl", "--version"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout == f"pydl {pydl.__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: command"),
        (["demo", "--data", "cats"], "invalid choice: 'cats'"),
        (["demo", "--epochs", "0"], "expected a number of at least 1, got 0"),
    ],
)
def test_wrong_arguments(arguments, message, capsys):
    with pytest.raises(SystemExit) as status:
        main(arguments)
    assert status.value.code == 2 and message in capsys.readouterr().err


def test_missing_data_end_with_a_message(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr("pydl.datasets.digits._installed", list)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("PYDL_DATA", raising=False)
    assert main(["demo", "--output", str(tmp_path)]) == 1
    assert "pydl demo: digits: no mnist_5k.csv.gz in" in capsys.readouterr().err
