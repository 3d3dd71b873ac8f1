"""Windows over series, gaps, splits and standardisation, against plain NumPy."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pydl
from pydl.data import (
    DataLoader,
    SeriesWindows,
    Standardizer,
    Subset,
    chronological_split,
    regular_grid,
)
from pydl.data._batching import gather_windows

SERIES = np.arange(40, dtype=np.float32).reshape(20, 2)
NAN = np.nan


def everything(windows):
    """All samples as arrays, from the loader."""
    batches = list(DataLoader(windows, 7))
    return [np.concatenate([b[part].numpy() for b in batches]) for part in (0, 1)]


class TestWindows:
    def test_one_step_ahead(self):
        windows = SeriesWindows(SERIES, 4)
        x, y = everything(windows)
        assert len(windows) == 16 and x.shape == (16, 4, 2) and y.shape == (16, 2)
        expected = np.lib.stride_tricks.sliding_window_view(SERIES, 4, axis=0)[:16]
        np.testing.assert_array_equal(x, expected.transpose(0, 2, 1))
        np.testing.assert_array_equal(y, SERIES[4:])

    def test_fixed_number_of_steps_ahead(self):
        x, y = everything(SeriesWindows(SERIES, 3, horizon=5, targets=1))
        assert y.shape == (13,)
        np.testing.assert_array_equal(y, x[:, -1, 1] + 10)

    def test_several_steps_and_columns(self):
        x, y = everything(SeriesWindows(SERIES, 3, horizon=[1, 2, 6], inputs=[1], targets=[1, 0]))
        assert x.shape == (12, 3, 1) and y.shape == (12, 3, 2)
        np.testing.assert_array_equal(y[0], [[7, 6], [9, 8], [17, 16]])
        np.testing.assert_array_equal(y[:, :, 0] - x[:, -1], np.tile([2, 4, 12], (12, 1)))

    def test_numbers_take_axes_away(self):
        x, y = everything(SeriesWindows(SERIES, 3, horizon=np.int64(1), inputs=-1, targets=[0]))
        assert x.shape == (17, 3) and y.shape == (17, 1)
        x, y = everything(SeriesWindows(SERIES[:, 0], 3, horizon=range(1, 3)))
        assert x.shape == (16, 3, 1) and y.shape == (16, 2, 1)

    def test_targets_at_every_step(self):
        text = np.arange(13, dtype=np.uint8)
        windows = SeriesWindows(
            text, 4, horizon=range(-2, 2), inputs=0, targets=0, stride=4, dtype="int64"
        )
        x, y = everything(windows)
        assert x.dtype == np.int64 and x.tolist() == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]
        np.testing.assert_array_equal(y, x + 1)

    def test_without_targets_the_newest_rows_are_used(self):
        windows = SeriesWindows(SERIES, 4, horizon=None)
        assert len(windows) == 17 and windows.target_rows is None
        batch = next(iter(DataLoader(windows, 17)))
        assert isinstance(batch, pydl.Tensor) and batch[16].tolist() == SERIES[-4:].tolist()
        assert windows[16].tolist() == SERIES[-4:].tolist()

    @given(
        length=st.integers(1, 6),
        stride=st.integers(1, 5),
        rate=st.integers(1, 4),
        horizon=st.lists(st.integers(1, 6), min_size=1, max_size=3),
        rows=st.lists(st.integers(30, 45), min_size=1, max_size=3),
        gaps=st.sets(st.integers(0, 29), max_size=4),
    )
    def test_against_the_definition(self, length, stride, rate, horizon, rows, gaps):
        series = [np.random.default_rng(n).normal(size=(n, 3)).astype(np.float32) for n in rows]
        for row in gaps:
            series[row % len(series)][row, row % 3] = NAN
        expected = []
        for number, one in enumerate(series):
            last = (length - 1) * rate
            for start in range(0, len(one) - last - max(horizon), stride):
                x = one[start : start + last + 1 : rate, :2]
                y = one[[start + last + step for step in horizon]][:, 2]
                if not np.isnan(x).any() and not np.isnan(y).any():
                    expected.append((number, start, x, y))
        build = partial(
            SeriesWindows,
            series,
            length,
            horizon=horizon,
            inputs=[0, 1],
            targets=2,
            stride=stride,
            sampling_rate=rate,
        )
        if not expected:
            with pytest.raises(ValueError, match="touches a gap"):
                build()
            return
        windows = build()
        numbers, starts, x, y = zip(*expected, strict=True)
        assert windows.series_numbers.tolist() == list(numbers)
        assert windows.starts.tolist() == list(starts)
        found = everything(windows)
        np.testing.assert_array_equal(found[0], np.stack(x))
        np.testing.assert_array_equal(found[1], np.stack(y))
        for i in (0, len(windows) - 1):
            np.testing.assert_array_equal(windows[i][0].numpy(), x[i])
            np.testing.assert_array_equal(windows[i][1].numpy(), y[i])

    def test_memory_is_shared(self):
        windows = SeriesWindows(SERIES, 4, sampling_rate=2)
        assert np.shares_memory(windows[3][0].numpy(), SERIES)
        x, _ = windows.get_batch(np.arange(2))
        assert not np.shares_memory(x.numpy(), SERIES)

    def test_other_layouts_and_dtypes(self):
        for series in (SERIES.astype(np.float64), np.asfortranarray(SERIES), SERIES.astype(int)):
            x, y = everything(SeriesWindows(series, 4))
            assert x.dtype == np.float32
            np.testing.assert_array_equal(y, SERIES[4:])
        x, _ = everything(SeriesWindows(pydl.tensor(SERIES), 4, dtype=pydl.float64))
        assert x.dtype == np.float64
        frozen = SERIES.copy()
        frozen.setflags(write=False)
        np.testing.assert_array_equal(everything(SeriesWindows(frozen, 4))[1], SERIES[4:])

    def test_places_of_the_targets(self):
        series = [SERIES[:6], SERIES]
        windows = SeriesWindows(series, 3, horizon=2, targets=0)
        _, y = everything(windows)
        found = [
            series[n][row, 0]
            for n, row in zip(windows.series_numbers, windows.target_rows, strict=True)
        ]
        assert y.tolist() == found and windows.series_numbers.tolist() == [0] * 2 + [1] * 16
        windows = SeriesWindows(SERIES, 3, horizon=[1, 4])
        assert windows.target_rows[0].tolist() == [3, 6]

    def test_shuffled(self):
        loader = DataLoader(SeriesWindows(SERIES, 4, targets=0), 16, shuffle=True, seed=0)
        x, y = next(iter(loader))
        assert y.tolist() != sorted(y.tolist()) == SERIES[4:, 0].tolist()
        np.testing.assert_array_equal(x.numpy()[:, -1, 0] + 2, y.numpy())

    def test_subsets_and_indexing(self):
        windows = SeriesWindows(SERIES, 4)
        x, _ = next(iter(DataLoader(Subset(windows, [5, 1]), 2)))
        np.testing.assert_array_equal(x.numpy(), [SERIES[5:9], SERIES[1:5]])
        assert windows[-1][1].tolist() == SERIES[-1].tolist()
        with pytest.raises(IndexError):
            windows[16]
        with pytest.raises(IndexError):
            windows.get_batch(np.array([16]))

    def test_a_model_is_trained(self):
        series = np.sin(np.arange(300) / 5)
        train, test = chronological_split(series, [0.8, 0.2])
        model = pydl.Sequential(pydl.nn.Flatten(), pydl.nn.Linear(8, 1))
        model.compile(pydl.optim.Adam(model.parameters(), lr=0.05), "mse")
        model.fit(SeriesWindows(train, 8), batch_size=32, epochs=40, verbose=0)
        assert model.evaluate(SeriesWindows(test, 8))["loss"] < 1e-2

    def test_arguments_are_checked(self):
        for name, value in (
            ("length", 0),
            ("stride", 0),
            ("sampling_rate", 0),
            ("fill_limit", -1),
        ):
            with pytest.raises(ValueError, match=f"expected {name} of at least"):
                SeriesWindows(SERIES, **{"length": 4, name: value})
        with pytest.raises(ValueError, match="span 21 rows, the longest series has 20"):
            SeriesWindows(SERIES, 20)
        with pytest.raises(ValueError, match=r"horizon of at least -3, .* got -4"):
            SeriesWindows(SERIES, 4, horizon=-4)
        with pytest.raises(ValueError, match="horizon"):
            SeriesWindows(SERIES, 4, horizon=[])
        with pytest.raises(ValueError, match="expected targets among 2 columns, got 2"):
            SeriesWindows(SERIES, 4, targets=2)
        with pytest.raises(ValueError, match=r"expected inputs among 2 columns, got \(0, -3\)"):
            SeriesWindows(SERIES, 4, inputs=[0, -3])
        with pytest.raises(ValueError, match=r"\(T, C\) or \(T,\), got \[\(2, 2, 2\)\]"):
            SeriesWindows(np.zeros((2, 2, 2)), 1)
        with pytest.raises(ValueError, match="same channels"):
            SeriesWindows([SERIES, SERIES[:, :1]], 4)
        with pytest.raises(ValueError, match="expected missing to be bool"):
            SeriesWindows(SERIES, 4, missing=np.zeros(19, bool))


class TestGaps:
    def test_windows_that_touch_a_gap_are_left_out(self):
        series = np.arange(12.0)
        series[5] = NAN
        windows = SeriesWindows(series, 3)
        assert windows.starts.tolist() == [0, 1, 6, 7, 8]
        assert np.isfinite(everything(windows)[0]).all()

    def test_only_columns_that_are_used_count(self):
        series = SERIES.copy()
        series[::2, 1] = NAN
        assert len(SeriesWindows(series, 4, inputs=[0], targets=0)) == 16
        assert len(SeriesWindows(series, 1, inputs=[0], targets=[1])) == 10

    def test_missing_flags(self):
        missing = np.zeros(20, bool)
        missing[10] = True
        series = SERIES.astype(np.int64)
        windows = SeriesWindows(series, 3, missing=missing)
        assert windows.starts.tolist() == [*range(7), *range(11, 17)]
        several = SeriesWindows([series, series], 3, missing=[missing, ~missing[:20] & False])
        assert several.series_numbers.tolist() == [0] * 13 + [1] * 17

    def test_inputs_are_filled_forward_up_to_a_limit(self):
        series = np.arange(12.0)
        series[[0, 4, 5, 6]] = NAN
        # Row 0 has nothing before it, row 6 is too far; rows 4 to 6 are no targets.
        assert SeriesWindows(series, 2, fill_limit=2).starts.tolist() == [1, 7, 8, 9]
        x, y = everything(SeriesWindows(series, 2, fill_limit=3))
        assert x[:, :, 0].tolist() == [[1, 2], [3, 3], [3, 7], [7, 8], [8, 9], [9, 10]]
        assert y[:, 0].tolist() == [3, 7, 8, 9, 10, 11]
        assert np.isnan(series[4])

    def test_filling_is_per_column_and_never_across_series(self):
        first, second = SERIES[:5].copy(), SERIES[5:12].copy()
        second[0] = NAN
        second[3, 1] = NAN
        x, _ = everything(SeriesWindows([first, second], 1, fill_limit=5, targets=0))
        rows = x[:, 0].tolist()
        assert rows == [
            *SERIES[:4].tolist(),
            *SERIES[6:8].tolist(),
            [16, 15],
            *SERIES[9:11].tolist(),
        ]

    def test_filling_by_flags(self):
        missing = np.zeros(6, bool)
        missing[2] = True
        x, y = everything(SeriesWindows(np.arange(6), 1, missing=missing, fill_limit=1))
        assert x[:, 0, 0].tolist() == [0, 1, 3, 4]
        assert y[:, 0].tolist() == [1, 3, 4, 5]

    def test_nothing_left(self):
        with pytest.raises(ValueError, match="each of the 17 windows touches a gap"):
            SeriesWindows(np.full(20, NAN), 3)


class TestRegularGrid:
    def test_gaps_become_nan(self):
        times = np.array([3, 4, 6, 9])
        grid, values = regular_grid(times, SERIES[:4])
        assert grid.tolist() == [3, 4, 5, 6, 7, 8, 9] and values.dtype == np.float32
        np.testing.assert_array_equal(values[[0, 1, 3, 6]], SERIES[:4])
        assert np.isnan(values[[2, 4, 5]]).all()

    def test_dates_and_steps(self):
        times = np.array(["2024-01-01", "2024-01-03"], "datetime64[D]")
        grid, values = regular_grid(times, np.array([1, 2]), np.timedelta64(12, "h"))
        assert values.tolist()[::4] == [1, 2] and grid.dtype == "datetime64[h]"
        assert str(grid[1]) == "2024-01-01T12"
        assert regular_grid([0.5], [3.0])[1].tolist() == [3.0]
        assert len(regular_grid(0.1 * np.arange(1000), np.zeros(1000))[0]) == 1000

    @pytest.mark.parametrize(
        ("times", "step", "message"),
        [
            ([0, 2, 1], None, "row 2 does not"),
            ([0, 0], None, "row 1 does not"),
            ([0, 2, 5], 2, "row 2, 5, is not on the grid"),
            ([0, 1], -1, "step above 0"),
            ([], None, "got shapes"),
            ([[0]], None, "got shapes"),
        ],
    )
    def test_errors(self, times, step, message):
        with pytest.raises(ValueError, match=message):
            regular_grid(np.array(times), np.zeros(len(times)), step)


class TestChronologicalSplit:
    def test_fractions_indices_and_gap(self):
        parts = chronological_split(SERIES, [0.5, 0.25, 0.25], gap=2)
        assert [len(part) for part in parts] == [10, 3, 3]
        assert np.shares_memory(parts[1], SERIES) and parts[1][0].tolist() == SERIES[12].tolist()
        parts = chronological_split(SERIES, indices=[4, 5])
        assert [len(part) for part in parts] == [4, 1, 15]

    def test_lists_of_series(self):
        train, test = chronological_split([SERIES, SERIES[:10]], [0.8, 0.2])
        assert [len(a) for a in train] == [16, 8] and [len(a) for a in test] == [4, 2]

    def test_no_window_straddles(self):
        train, test = chronological_split(np.arange(100.0), [0.7, 0.3], gap=5)
        seen = [
            np.concatenate([p.ravel() for p in everything(SeriesWindows(part, 6, horizon=4))])
            for part in (train, test)
        ]
        assert seen[0].max() == 69 and seen[1].min() == 75

    def test_errors(self):
        with pytest.raises(ValueError, match="either fractions or indices"):
            chronological_split(SERIES)
        with pytest.raises(ValueError, match=r"add up to 1, got \[0.5, 0.4\]"):
            chronological_split(SERIES, [0.5, 0.4])
        with pytest.raises(ValueError, match="gap of at least 0"):
            chronological_split(SERIES, [0.5, 0.5], gap=-1)
        for indices, gap in (([0], 0), ([20], 0), ([5, 4], 0), ([15], 5), ([-3], 0)):
            with pytest.raises(ValueError, match="20 rows empty"):
                chronological_split(SERIES, indices=indices, gap=gap)


class TestStandardizer:
    def test_statistics_of_several_series_with_gaps(self):
        generator = np.random.default_rng(0)
        series = [generator.normal(1e4, 3.0, (n, 2)).astype(np.float32) for n in (50, 80)]
        series[0][:10, 1] = NAN
        standardizer = Standardizer().fit(series)
        together = np.concatenate(series).astype(np.float64)
        np.testing.assert_allclose(standardizer.mean, np.nanmean(together, axis=0), rtol=1e-12)
        np.testing.assert_allclose(standardizer.scale, np.nanstd(together, axis=0), rtol=1e-9)
        first, second = standardizer.transform(series)
        assert first.dtype == np.float32 and np.isnan(first[:10, 1]).all()
        np.testing.assert_allclose(standardizer.inverse(second), series[1], rtol=1e-6)

    def test_targets_are_turned_back(self):
        standardizer = Standardizer().fit(SERIES)
        x, y = everything(SeriesWindows(standardizer.transform(SERIES), 4, targets=1))
        np.testing.assert_allclose(standardizer.inverse(y, columns=1), SERIES[4:, 1], rtol=1e-5)
        np.testing.assert_allclose(standardizer.inverse(x)[0], SERIES[:4], rtol=1e-5, atol=1e-5)
        swapped = standardizer.inverse(standardizer.transform(SERIES[:, ::-1], [1, 0]), [1, 0])
        np.testing.assert_allclose(swapped, SERIES[:, ::-1], rtol=1e-5, atol=1e-5)

    @pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int64"])
    def test_tensors(self, dtype):
        standardizer = Standardizer().fit(SERIES)
        found = standardizer.transform(pydl.tensor(SERIES).astype(dtype))
        assert isinstance(found, pydl.Tensor)
        assert found.dtype.name == ("float32" if dtype == "int64" else dtype)
        expected = standardizer.transform(SERIES)
        np.testing.assert_allclose(found.astype("float32").numpy(), expected, atol=2e-2)
        back = standardizer.inverse(pydl.tensor(expected[:, 1]), columns=1)
        np.testing.assert_allclose(back.numpy(), SERIES[:, 1], rtol=1e-5)

    def test_one_channel_and_constant_columns(self):
        standardizer = Standardizer().fit(np.array([1, 3]))
        assert standardizer.transform(np.array([5])).tolist() == [3.0]
        assert Standardizer().fit(np.ones((3, 1))).scale.tolist() == [1.0]

    def test_saved_and_loaded(self, tmp_path):
        standardizer = Standardizer().fit(SERIES)
        pydl.save(tmp_path / "state.safetensors", standardizer.state_dict())
        again = Standardizer()
        again.load_state_dict(pydl.load(tmp_path / "state.safetensors"))
        np.testing.assert_array_equal(again.mean, standardizer.mean)
        np.testing.assert_array_equal(again.scale, standardizer.scale)

    def test_errors(self):
        with pytest.raises(RuntimeError, match="not fitted yet"):
            Standardizer().transform(SERIES)
        with pytest.raises(ValueError, match="column 1 has no finite value"):
            Standardizer().fit(np.array([[1.0, NAN]]))
        standardizer = Standardizer().fit(SERIES)
        with pytest.raises(ValueError, match=r"last axis of 2 columns, got shape \(3,\)"):
            standardizer.inverse(np.zeros(3))
        with pytest.raises(ValueError, match="expected mean and scale, got"):
            standardizer.load_state_dict({"mean": np.zeros(2)})
        with pytest.raises(ValueError, match=r"\(C,\), got \(2,\) and \(3,\)"):
            standardizer.load_state_dict({"mean": np.zeros(2), "scale": np.zeros(3)})


class TestGather:
    def test_windows(self):
        out = np.zeros((2, 2, 2), np.float32)
        gather_windows(SERIES, np.array([9, 1]), np.array([0, 3]), out)
        np.testing.assert_array_equal(out, [SERIES[[9, 12]], SERIES[[1, 4]]])
        gather_windows(SERIES, np.array([9, 18]), np.array([0, 1]), out)
        np.testing.assert_array_equal(out, [SERIES[9:11], SERIES[18:]])

    def test_refuses_what_would_leave_memory(self):
        out = np.zeros((1, 2, 2), np.float32)
        for start, offsets in (
            (-1, [0, 1]),
            (19, [0, 1]),
            (0, [-1, 0]),
            (2, [18, 0]),
            (17, [0, 3]),
        ):
            with pytest.raises(IndexError, match=f"window from row {start} leaves the 20 rows"):
                gather_windows(SERIES, np.array([start]), np.array(offsets), out)
        with pytest.raises(ValueError, match="differ in size"):
            gather_windows(SERIES, np.array([0]), np.array([0]), out)
        with pytest.raises(ValueError, match="differ in size"):
            gather_windows(SERIES.astype(np.float64), np.array([0]), np.array([0, 1]), out)
        with pytest.raises(ValueError, match="source with rows"):
            gather_windows(SERIES[:0], np.array([0]), np.array([0, 1]), out)
        with pytest.raises(ValueError, match="contiguous"):
            gather_windows(SERIES[:, :1], np.array([0]), np.array([0, 1]), out)
