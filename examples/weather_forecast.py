"""Tomorrow's weather: the temperature in 24 hours from the last two days, at New York's airports.

A GRU, a bidirectional LSTM and a convolutional network learn from Newark (EWR), on the first part
of the year 2013, and are tested on the last quarter, also at Kennedy (JFK) and LaGuardia (LGA),
which they have not seen. They are compared with persistence, the forecast that tomorrow is as
today: a network that does not beat it has learned nothing. Needs the measurements
(`pydl.datasets.load_weather` says where it looks and fetches them from) and pandas.

    python examples/weather_forecast.py

With the defaults, in 45 seconds, mean absolute errors in degrees Celsius, of three trainings each:
persistence 3.73 (EWR), 3.34 (JFK) and 3.43 (LGA); GRU 3.31, 2.90, 2.98; bidirectional LSTM 3.18,
2.77, 2.87; convolutions 3.32, 3.01, 3.02. (Over the whole year persistence errs by 3.09 at EWR; its
last quarter has more changes.)
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import numpy.typing as npt

import pydl
from pydl import nn
from pydl.data import SeriesWindows, Standardizer, chronological_split
from pydl.datasets import Weather
from pydl.training import EarlyStopping

Array = npt.NDArray[Any]

TRAINED_AT = "EWR"
TEMPERATURE = 0  # its column among the channels
LENGTH, HORIZON = 48, 24  # hours


def channels(weather: Weather) -> Array:
    """Gather what the networks see of each hour: (T, 8), temperature first."""
    temperature, dew_point, humidity, direction, speed, _, _, pressure, _ = weather.values.T
    angle = np.deg2rad(direction)  # a direction jumps at north, its sine and cosine do not
    hour = 2 * np.pi * (weather.times.astype(np.int64) % 24) / 24
    wind = [speed * np.cos(angle), speed * np.sin(angle)]
    time = [np.cos(hour), np.sin(hour)]
    return np.stack([temperature, dew_point, humidity, pressure, *wind, *time], axis=1)


def windows(series: Array) -> SeriesWindows:
    """Two days of all channels, and the temperature a day later; short gaps are filled."""
    return SeriesWindows(series, LENGTH, horizon=HORIZON, targets=TEMPERATURE, fill_limit=12)


class LastState(nn.Module):
    """The last state of a recurrent layer, of both directions if there are two."""

    def __init__(self, layer: nn.GRU | nn.LSTM) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        """From series (N, T, C) to features (N, directions * H)."""
        _, state = self.layer(x)
        h = state[0] if isinstance(state, tuple) else state
        return h.permute_dims((1, 0, 2)).reshape((x.shape[0], -1))


class ChannelsFirst(nn.Module):
    """Series (N, T, C) as convolutions take them: (N, C, T)."""

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        return x.permute_dims((0, 2, 1))


class Forecast(pydl.Model):
    """The temperature now, plus the change that features of the past suggest."""

    def __init__(self, features: nn.Module, size: int) -> None:
        super().__init__()
        self.features = features
        self.change = nn.Sequential(nn.Dropout(0.2), nn.Linear(size, 1))

    def forward(self, x: pydl.Tensor) -> pydl.Tensor:
        """From series (N, T, C) to temperatures (N,)."""
        return x[:, -1, TEMPERATURE] + self.change(self.features(x)).squeeze(1)


def gru(inputs: int, hidden: int = 48) -> Forecast:
    """Read the two days with a GRU."""
    return Forecast(LastState(nn.GRU(inputs, hidden, batch_first=True)), hidden)


def bidirectional_lstm(inputs: int, hidden: int = 32) -> Forecast:
    """Read them forward with one LSTM and backward with another."""
    layer = nn.LSTM(inputs, hidden, batch_first=True, bidirectional=True)
    return Forecast(LastState(layer), 2 * hidden)


def convolutions(inputs: int, hidden: int = 48) -> Forecast:
    """Look at stretches of hours with two convolutions, each of which halves their number."""
    features = nn.Sequential(
        ChannelsFirst(),
        nn.Conv1d(inputs, hidden, 6, stride=2),
        nn.ReLU(),
        nn.Conv1d(hidden, hidden, 6, stride=2),
        nn.ReLU(),
        nn.Flatten(),
    )
    return Forecast(features, hidden * 9)  # 48 hours become 22, and those 9


NETWORKS = {"GRU": gru, "bidirectional LSTM": bidirectional_lstm, "convolutions": convolutions}


def persistence_error(samples: SeriesWindows) -> float:
    """Mean absolute error of the forecast that nothing changes, in standard deviations."""
    x, y = samples.get_batch(np.arange(len(samples)))
    return float((x[:, -1, TEMPERATURE] - y).abs().mean().item())


def train(model: Forecast, training: SeriesWindows, validation: SeriesWindows, epochs: int) -> None:
    """Train until the error in the weeks between training and test no longer falls."""
    optimizer = pydl.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)
    model.compile(optimizer, "mae")
    stop = EarlyStopping(patience=6, restore_best_weights=True)
    model.fit(
        training,
        batch_size=64,
        epochs=epochs,
        validation_data=validation,
        callbacks=[stop],
        verbose=0,
    )


def main(epochs: int = 20, runs: int = 3, seed: int = 0) -> dict[str, list[float]]:
    """Print a table of mean absolute errors in degrees; returns them by forecast."""
    weather = pydl.datasets.load_weather()
    series = {airport: channels(measured) for airport, measured in weather.items()}
    # The airports share their weather: all are tested in weeks without training data.
    divided = {
        airport: chronological_split(values, [0.6, 0.15, 0.25], gap=HORIZON)
        for airport, values in series.items()
    }
    standardizer = Standardizer().fit(divided[TRAINED_AT][0])
    training, validation = (
        windows(standardizer.transform(part)) for part in divided[TRAINED_AT][:2]
    )
    tested = {
        airport: windows(standardizer.transform(parts[2])) for airport, parts in divided.items()
    }
    counts = [len(part) for part in (training, validation, tested[TRAINED_AT])]
    print("{} windows for training, {} for validation, {} for test".format(*counts))

    degrees = float(standardizer.scale[TEMPERATURE])
    errors = {"persistence": [degrees * persistence_error(samples) for samples in tested.values()]}
    for name, network in NETWORKS.items():
        found = []
        for run in range(runs):
            pydl.manual_seed(seed + run)
            model = network(series[TRAINED_AT].shape[1])
            train(model, training, validation, epochs)
            found.append([degrees * model.evaluate(s, verbose=0)["loss"] for s in tested.values()])
        errors[name] = np.mean(found, axis=0).tolist()

    print(f"{'mean absolute error, degrees':30}" + "".join(f"{name:>8}" for name in tested))
    for name, row in errors.items():
        print(f"{name:30}" + "".join(f"{error:8.2f}" for error in row))
    return errors


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=20, help="at most so many")
    parser.add_argument("--runs", type=int, default=3, help="trainings that are averaged")
    parser.add_argument("--seed", type=int, default=0, help="of the first one")
    main(**vars(parser.parse_args()))
