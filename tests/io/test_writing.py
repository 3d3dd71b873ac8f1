"""Every function that writes files: what is at the path is replaced wholly or not at all."""

from __future__ import annotations

import errno
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from file_writers import WRITERS, Writer, public_writers

import pydl
from pydl import _core
from pydl.text import BytePairEncoding, Vocabulary

IS_ROOT = os.geteuid() == 0
SOURCE = Path(__file__).parents[1]

WRITES = re.compile(
    r'os\.(?:replace|rename)\(|mkstemp|write_(?:text|bytes)\(|\bopen\([^)\n]*"[wxa]b?"'
)

every_writer = pytest.mark.parametrize("write", WRITERS.values(), ids=WRITERS.keys())


def name_for(write: Writer) -> str:
    """A name that the writer takes: models become programs by their suffix."""
    is_program = write is WRITERS["pydl.Model.save (program)"]
    return "file.pydl" if is_program else "file.png"


def expected_content(write: Writer, folder: Path) -> bytes:
    _ = pydl.manual_seed(0)
    folder.mkdir(exist_ok=True)
    write(folder / name_for(write))
    return (folder / name_for(write)).read_bytes()


def names(folder: Path) -> list[str]:
    return sorted(os.listdir(folder))


def device(path: Path, original: str) -> Path:
    """A device beside others: of root's own, because root could destroy the original."""
    if IS_ROOT:
        os.mknod(path, stat.S_IFCHR | 0o666, os.stat(original).st_rdev)
    else:
        path.symlink_to(original)
    return path


def test_the_table_has_every_writer():
    known = {key.split(" ")[0] for key in WRITERS}
    missing = [
        name for name in public_writers() if not any(key.endswith(f".{name}") for key in known)
    ]
    # They draw into matplotlib's axes, and write no file.
    assert set(missing) == {"LRScheduler.plot", "RateSearch.plot"}


def test_nothing_else_opens_files_for_writing():
    """The writer in C++ is the only one: Python's own functions are not used, but for logs."""
    package = Path(pydl.__file__).parent
    logs = package / "training" / "callbacks" / "files.py"  # lines are added to them
    assert WRITES.findall(logs.read_text(encoding="utf-8")) == ['open(path, "ab"']
    for path in set(package.rglob("*.py")) - {logs}:
        assert WRITES.findall(path.read_text(encoding="utf-8")) == [], path


@every_writer
class TestEveryWriter:
    def test_permissions_stay(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        for mode in (0o600, 0o640, 0o666, 0o755):
            path.write_bytes(b"old")
            path.chmod(mode)
            write(path)
            assert stat.S_IMODE(path.stat().st_mode) == mode
            assert path.read_bytes() != b"old"
        assert names(tmp_path) == [path.name]

    def test_new_files_follow_the_mask(self, write: Writer, tmp_path: Path):
        old = os.umask(0o027)
        try:
            write(tmp_path / name_for(write))
        finally:
            os.umask(old)
        assert stat.S_IMODE((tmp_path / name_for(write)).stat().st_mode) == 0o640

    @pytest.mark.skipif(not IS_ROOT, reason="only root gives files away")
    def test_the_owner_stays(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        path.write_bytes(b"old")
        os.chown(path, 12345, 23456)
        path.chmod(0o640)
        write(path)
        status = path.stat()
        assert (status.st_uid, status.st_gid) == (12345, 23456)
        assert stat.S_IMODE(status.st_mode) == 0o640

    def test_a_symbolic_link_stays_one(self, write: Writer, tmp_path: Path):
        content = expected_content(write, tmp_path / "expected")
        places = tmp_path / "links", tmp_path / "files"
        for place in places:
            place.mkdir()
        link, target = places[0] / name_for(write), places[1] / name_for(write)
        link.symlink_to(Path("..") / "files" / target.name)
        for before in (None, b"old"):
            if before is not None:
                target.write_bytes(before)
            _ = pydl.manual_seed(0)
            write(link)
            assert link.is_symlink() and not target.is_symlink()
            assert target.read_bytes() == content
        assert names(places[0]) == [link.name] and names(places[1]) == [target.name]

    def test_links_in_a_circle(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        path.symlink_to(path.name)
        with pytest.raises(OSError, match="link") as caught:
            write(path)
        assert caught.value.errno == errno.ELOOP
        assert path.is_symlink()

    def test_a_pipe_is_written_to(self, write: Writer, tmp_path: Path):
        content = expected_content(write, tmp_path / "expected")
        pipe = tmp_path / name_for(write)
        os.mkfifo(pipe)
        received: list[bytes] = []
        reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
        reader.start()
        _ = pydl.manual_seed(0)
        write(pipe)
        reader.join()
        assert received == [content]
        assert stat.S_ISFIFO(pipe.stat().st_mode)

    def test_a_device_is_written_to(self, write: Writer, tmp_path: Path):
        path = device(tmp_path / name_for(write), "/dev/null")
        write(path)
        assert os.stat(path).st_rdev == os.stat("/dev/null").st_rdev
        assert names(tmp_path) == [path.name]

    def test_a_full_device(self, write: Writer, tmp_path: Path):
        path = device(tmp_path / name_for(write), "/dev/full")
        with pytest.raises(OSError, match="No space left on device") as caught:
            write(path)
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))

    @pytest.mark.parametrize("length", [250, 255])
    def test_long_names(self, write: Writer, length: int, tmp_path: Path):
        suffix = name_for(write)[-5:]
        path = tmp_path / ("n" * (length - len(suffix)) + suffix)
        for _ in range(2):
            write(path)
        assert names(tmp_path) == [path.name]

    def test_names_that_are_too_long(self, write: Writer, tmp_path: Path):
        path = tmp_path / ("n" * 256 + name_for(write)[-5:])
        with pytest.raises(OSError, match="too long") as caught:
            write(path)
        assert caught.value.errno == errno.ENAMETOOLONG
        assert caught.value.filename == str(path)
        assert names(tmp_path) == []

    def test_a_folder_in_its_place(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        path.mkdir()
        with pytest.raises(IsADirectoryError, match=path.name):
            write(path)
        assert names(tmp_path) == [path.name]

    def test_a_missing_folder(self, write: Writer, tmp_path: Path):
        """It is made, or named."""
        path = tmp_path / "missing" / name_for(write)
        try:
            write(path)
        except FileNotFoundError as error:
            assert (error.errno, error.filename) == (errno.ENOENT, str(path))
            assert names(tmp_path) == []
        else:
            assert names(path.parent) == [path.name]

    def test_a_limit_of_the_size(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        path.write_bytes(b"old")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (500, limits[1]))
        try:
            with pytest.raises(OSError, match="cannot write") as caught:
                write(path)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
        assert path.read_bytes() == b"old"
        assert names(tmp_path) == [path.name]

    def test_threads_at_once(self, write: Writer, tmp_path: Path):
        content = expected_content(write, tmp_path / "expected")
        size = len(content)
        folder = tmp_path / "threads"
        folder.mkdir()
        path = folder / name_for(write)
        write(path)
        errors: list[BaseException] = []
        end = time.monotonic() + 0.3

        def save() -> None:
            try:
                while time.monotonic() < end:
                    write(path)
            except BaseException as error:
                errors.append(error)

        def load() -> None:
            try:
                while time.monotonic() < end:
                    assert len(path.read_bytes()) == size
            except BaseException as error:
                errors.append(error)

        threads = [threading.Thread(target=what) for what in (save, save, save, save, load)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert errors == []
        assert names(folder) == [path.name]

    def test_signals_do_not_end_it(self, write: Writer, tmp_path: Path):
        path = tmp_path / name_for(write)
        caught = []
        old = signal.signal(signal.SIGALRM, lambda *_: caught.append(1))
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        try:
            end = time.monotonic() + 0.2
            while time.monotonic() < end or not caught:
                write(path)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, old)
        assert caught
        assert names(tmp_path) == [path.name]


# Modules are imported, as root, before the user changes: others may not read the interpreter.
AS_A_USER = """
import os, sys
from pathlib import Path
from file_writers import WRITERS
write, scratch, path = WRITERS[sys.argv[1]], Path(sys.argv[2]), Path(sys.argv[3])
write(scratch / path.name)
os.setgid(65534); os.setuid(65534)
try:
    write(path)
except PermissionError as error:
    print(error)
else:
    print("written")
"""


@pytest.mark.skipif(not IS_ROOT, reason="needs a change of the user")
@pytest.mark.parametrize("name", WRITERS)
def test_protected_places(name: str, tmp_path: Path):
    """Neither a read-only folder nor a read-only file is written to, and both are named."""
    folder = Path("/tmp") / f"pydl-test-{os.getpid()}-{time.monotonic_ns()}"
    try:
        (folder / "closed").mkdir(parents=True)
        (folder / "open").mkdir()
        (folder / "open").chmod(0o777)
        for place, mode in (("closed", 0o644), ("open", 0o444)):
            path = folder / place / name_for(WRITERS[name])
            path.write_bytes(b"old")
            path.chmod(mode)
            command = [sys.executable, "-c", AS_A_USER, name, str(tmp_path), str(path)]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCE), *sys.path])}
            found = subprocess.run(command, capture_output=True, text=True, env=environment)
            assert str(path.parent) in found.stdout, found.stderr
            assert path.read_bytes() == b"old"
            assert names(path.parent) == [path.name]
    finally:
        shutil.rmtree(folder)


# --- temporary files of processes that were killed ------------------------------------------------

KILLED = """
import os, sys
from pydl import _core
with _core.io.OutputFile(sys.argv[1]) as file:
    file.write(b"half")
    print("ready", flush=True)
    sys.stdin.readline()
"""


def test_those_of_dead_processes_are_removed_and_no_others(tmp_path: Path):
    living, dead = (
        subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path / name)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(pydl.__file__).parents[1],
        )
        for name in ("living", "dead")
    )
    for process in (living, dead):
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    assert len(names(tmp_path)) == 2
    dead.kill()
    dead.communicate()
    (tmp_path / ".pydl-notes.tmp").mkdir()
    (tmp_path / "mine.tmp").write_bytes(b"")
    pydl.save(tmp_path / "other", {})
    found = names(tmp_path)
    assert len(found) == 4 and {"other", "mine.tmp", ".pydl-notes.tmp"} < set(found)
    living.communicate("\n")
    assert names(tmp_path) == [".pydl-notes.tmp", "living", "mine.tmp", "other"]
    assert (tmp_path / "living").read_bytes() == b"half"


INTERRUPTED = """
#include <errno.h>
#include <unistd.h>
static int calls = 0;
int fsync(int file) {
  (void)file;
  if (++calls % 3 == 0) return 0;
  errno = EINTR;
  return -1;
}
"""


def test_an_interrupted_fsync_is_made_again(tmp_path: Path):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    (tmp_path / "fsync.c").write_text(INTERRUPTED)
    library = tmp_path / "fsync.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", library, tmp_path / "fsync.c"], check=True)
    code = "import pydl, sys; pydl.save(sys.argv[1], {'x': pydl.ones((2,))})"
    subprocess.run(
        [sys.executable, "-c", code, tmp_path / "saved"],
        check=True,
        env={**os.environ, "LD_PRELOAD": str(library)},
        cwd=Path(pydl.__file__).parents[1],
    )
    assert pydl.load(tmp_path / "saved")["x"].tolist() == [1.0, 1.0]


def test_a_handler_that_raises_ends_a_waiting_write(tmp_path: Path):
    """Ctrl-C leaves a pipe that nobody reads."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    old = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)
    try:
        with pytest.raises(KeyboardInterrupt):
            pydl.save(pipe, {})
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError, match="stop"), _core.io.OutputFile(path) as file:
        file.write(b"new")
        raise RuntimeError("stop")
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]
    with pytest.raises(ValueError, match="not open"):
        file.write(b"more")


def test_a_forked_child_leaves_the_file_to_its_parent(tmp_path: Path):
    with _core.io.OutputFile(tmp_path / "file") as file:
        file.write(b"first ")
        child = os.fork()
        if child == 0:
            file.__exit__(RuntimeError, RuntimeError(), None)
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        file.write(b"second")
    assert (tmp_path / "file").read_bytes() == b"first second"


def test_text_of_threads_is_loaded_whole(tmp_path: Path):
    """Four threads save and load vocabularies and encodings at the same path."""
    vocabulary = Vocabulary(map(str, range(500)))
    encoding = BytePairEncoding([(0, 1)], special_tokens=[])
    errors: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                vocabulary.save(tmp_path / "vocabulary")
                assert Vocabulary.load(tmp_path / "vocabulary") == vocabulary
                encoding.save(tmp_path / "encoding")
                assert BytePairEncoding.load(tmp_path / "encoding").merges == encoding.merges
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
