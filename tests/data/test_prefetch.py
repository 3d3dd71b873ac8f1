"""Batches made ahead by a thread: order, errors, and the end of the thread; augmented loaders."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

import pydl
from pydl.data import Augment, DataLoader, Mixup, RandomCrop, RandomFlip, TensorDataset, ToFloat
from pydl.data.prefetch import Prefetcher

X = np.random.default_rng(0).integers(0, 256, (20, 12, 12, 3), np.uint8)
Y = np.arange(20)


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "pydl-prefetch"]


@pytest.fixture(autouse=True)
def no_thread_is_left():
    yield
    gc.collect()
    assert threads() == []


class TestPrefetcher:
    def test_items_in_order(self):
        assert list(Prefetcher(iter(range(100)), 2)) == list(range(100))
        assert list(Prefetcher(iter(()), 1)) == []

    def test_makes_the_next_item_while_one_is_used(self):
        """Would wait for ever, were the second item made only when it is asked for."""
        begun = [threading.Event() for _ in range(3)]

        def source():
            for number, event in enumerate(begun):
                event.set()
                yield number

        for number in Prefetcher(source(), 1):
            if number + 1 < len(begun):
                assert begun[number + 1].wait(10)

    def test_is_bounded(self):
        made = []

        def source():
            for number in range(10):
                made.append(number)
                yield number

        ahead = Prefetcher(source(), 2)
        assert next(ahead) == 0
        deadline = time.monotonic() + 10
        while len(made) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(0.1)
        assert made == [0, 1, 2, 3]  # one is used, two wait, and one found no room
        ahead.close()
        assert len(made) == 4 and list(ahead) == []

    def test_errors_come_after_the_items_before_them(self):
        def source():
            yield 1
            raise KeyError("broken")

        ahead = Prefetcher(source(), 2)
        assert next(ahead) == 1
        with pytest.raises(KeyError, match="broken") as caught:
            next(ahead)
        assert caught.traceback[-1].name == "source"
        assert list(ahead) == []

    def test_dropping_it_ends_the_thread(self):
        ahead = Prefetcher(iter(range(10)), 1)
        assert next(ahead) == 0 and len(threads()) == 1
        del ahead
        gc.collect()
        assert threads() == []

    def test_the_source_is_closed(self):
        closed = threading.Event()

        def source():
            try:
                while True:
                    yield 0
            finally:
                closed.set()

        ahead = Prefetcher(source(), 1)
        next(ahead)
        ahead.close()
        gc.collect()
        assert closed.is_set()
        ahead.close()

    def test_a_waiting_consumer_is_woken_by_close(self):
        release = threading.Event()

        def source():
            release.wait(10)
            yield 1

        ahead = Prefetcher(source(), 1)
        found = []
        consumer = threading.Thread(target=lambda: found.extend(ahead))
        consumer.start()
        threading.Timer(0.1, release.set).start()
        ahead.close()
        consumer.join(10)
        assert not consumer.is_alive() and found == []


@pytest.fixture
def run_script(tmp_path):
    """Run in a folder of its own: `-c` looks for modules in the current one first."""

    def run(text):
        command = [sys.executable, "-c", text]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path
        )

    return run


SCRIPT = """
import os, numpy as np, pydl
from pydl.data import Augment, ColorJitter, DataLoader
images = np.zeros((400, 128, 128, 3), np.uint8)
loader = DataLoader(images, 64, augment=Augment([ColorJitter(0.5, 0.5, 0.5, 0.5)], seed=0))
iterator = iter(loader)
print(next(iterator).shape[0], flush=True)
"""


class TestProcesses:
    def test_the_program_ends_while_a_batch_is_made(self, run_script):
        result = run_script(SCRIPT)
        assert (result.returncode, result.stdout, result.stderr) == (0, "64\n", "")

    def test_an_error_ends_the_program_too(self, run_script):
        result = run_script(SCRIPT + "raise SystemExit(3)")
        assert (result.returncode, result.stderr) == (3, "")

    @pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
    def test_forks(self, run_script):
        """The child is told that its thread is gone, and can begin a pass of its own."""
        result = run_script(
            "import warnings\nwarnings.simplefilter('ignore')\n"
            + SCRIPT
            + """
child = os.fork()
if child == 0:
    try:
        next(iterator)
    except RuntimeError as error:
        print(error, flush=True)
    print(next(iter(loader)).shape[0], flush=True)
    raise SystemExit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
print(sum(batch.shape[0] for batch in iterator))
"""
        )
        lines = result.stdout.splitlines()
        assert result.returncode == 0, result.stderr
        assert "began before a fork" in lines[1]
        assert [lines[0], *lines[2:]] == ["64", "64", "5", "336"]


def crops(**options):
    return DataLoader(
        (X, Y), 8, augment=Augment([RandomCrop(12, padding=4), RandomFlip()], 0), **options
    )


def passes(loader, count=2):
    return [[(x.numpy(), y.numpy()) for x, y in loader] for _ in range(count)]


def assert_same(first, second):
    for one, other in zip(first, second, strict=True):
        for (x, y), (x2, y2) in zip(one, other, strict=True):
            np.testing.assert_array_equal(x, x2)
            np.testing.assert_array_equal(y, y2)


class TestLoader:
    @pytest.mark.parametrize("shuffle", [False, True])
    def test_prefetching_changes_nothing(self, shuffle):
        expected = passes(crops(shuffle=shuffle, seed=1, prefetch=0))
        for depth in (None, 1, 5):
            assert_same(passes(crops(shuffle=shuffle, seed=1, prefetch=depth)), expected)

    def test_defaults(self):
        assert DataLoader(X).prefetch == 0 and crops().prefetch == 2

    def test_without_augmentation(self):
        plain = passes(DataLoader((X, Y), 8, shuffle=True, seed=2))
        assert_same(passes(DataLoader((X, Y), 8, shuffle=True, seed=2, prefetch=2)), plain)

    def test_a_sample_does_not_depend_on_its_batch(self):
        """The same image of each sample, in order and shuffled, in batches of any size."""

        def by_sample(**options):
            found = {}
            augment = Augment([RandomCrop(12, padding=4), RandomFlip()], 0)
            for x, y in DataLoader((X, Y), augment=augment, **options):
                found.update(zip(y.tolist(), x.numpy(), strict=True))
            return np.stack([found[number] for number in range(20)])

        expected = by_sample(batch_size=20)
        for options in ({"batch_size": 7}, {"batch_size": 3, "shuffle": True, "seed": 1}):
            np.testing.assert_array_equal(by_sample(**options), expected)

    def test_passes_differ_and_can_be_gone_on_with(self):
        loader = crops()
        first, second = passes(loader)
        assert loader.epoch == 2
        assert any(not np.array_equal(a[0], b[0]) for a, b in zip(first, second, strict=True))
        later = crops()
        later.epoch = 1
        assert_same(passes(later, 1), [second])

    def test_batches_of_other_forms(self):
        augment = Augment([ToFloat()], 0)
        for x in DataLoader(X, 8, augment=augment):
            assert x.dtype == pydl.float32 and x.shape[1:] == (3, 12, 12)
        (only,) = next(iter(DataLoader(TensorDataset(X), 8, augment=augment)))
        assert only.shape == (8, 3, 12, 12)
        x, weight, y = next(iter(DataLoader((X, Y / 2, Y), 8, augment=augment)))
        assert x.shape == (8, 3, 12, 12) and weight.tolist()[1] == 0.5 and y.tolist()[1] == 1

    def test_functions_serve(self):
        seen = []

        def augment(images, labels, *, indices, epoch):
            seen.append((indices.tolist(), epoch))
            return images, labels + 100

        loader = DataLoader((X, Y), 10, augment=augment)
        assert [y.tolist()[0] for _ in range(2) for _, y in loader] == [100, 110] * 2
        assert [epoch for _, epoch in seen] == [0, 0, 1, 1] and seen[1][0] == list(range(10, 20))

    def test_errors_reach_the_loop(self):
        loader = DataLoader((X, Y), 8, augment=Augment([RandomCrop(40)], 0))
        with pytest.raises(ValueError, match="RandomCrop: expected images of at least"):
            list(loader)

    def test_leaving_a_loop_ends_the_thread(self):
        augment = Augment([RandomFlip()], 0)
        for x, _ in DataLoader((X, Y), 2, augment=augment, prefetch=1):
            assert x.shape[0] == 2 and len(threads()) == 1
            break
        gc.collect()
        assert threads() == []

    def test_arguments_are_checked(self):
        with pytest.raises(TypeError, match="expected augment to be a function, got 3"):
            DataLoader(X, augment=3)
        with pytest.raises(ValueError, match="prefetch of at least 0, got -1"):
            DataLoader(X, prefetch=-1)

    def test_fit_learns_from_augmented_batches(self):
        """Dark and light images with mixed labels; validation data only converted."""
        values = np.repeat([40, 200], 32).astype(np.uint8)
        images = np.broadcast_to(values[:, None, None], (64, 8, 8)).copy()
        labels = np.repeat([0, 1], 32)
        augment = Augment([RandomCrop(8, padding=1), ToFloat(0.5, 0.5), Mixup(0.2, classes=2)], 0)
        pydl.manual_seed(0)
        model = pydl.nn.Sequential(pydl.nn.Flatten(), pydl.nn.Linear(64, 2))
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "cross_entropy", ["accuracy"])
        train = DataLoader((images, labels), 16, shuffle=True, seed=0, augment=augment)
        test = DataLoader((images, labels), 64, augment=Augment([ToFloat(0.5, 0.5)]))
        history = model.fit(train, epochs=5, validation_data=test, verbose=0)
        assert history.history["val_accuracy"][-1] == 1.0
