"""Write golden program files of the current format, with inputs and what came out.

Files of older formats are never written again: they stay as the version that made them wrote them,
and must load and compute the same for ever. A new format gets a folder of its own.

    python tests/programs/golden/make.py v1
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import pydl
from pydl import nn, optim

F = nn.functional
HERE = Path(__file__).parent
BATCHES = [3, 1, 5]

Functions = dict[str, tuple[Callable[..., Any], Callable[[int], tuple[Any, ...]]]]
_random = np.random.default_rng(0)


def _floats(*shape: int) -> pydl.Tensor:
    return pydl.tensor(_random.standard_normal(shape).astype(np.float32))


def _classes(count: int, *shape: int) -> pydl.Tensor:
    return pydl.tensor(_random.integers(0, count, shape))


def _stepper(
    loss_of: Callable[..., pydl.Tensor], model: nn.Module, optimizer: optim.Optimizer
) -> Any:
    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        loss = loss_of(x, y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return pydl.compile(step, state=[model, optimizer])


def mlp() -> Functions:
    """Dropout, Adam."""
    model = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Dropout(0.25), nn.Linear(8, 3))
    optimizer = optim.Adam(model.parameters(), lr=0.01, weight_decay=0.001)
    step = _stepper(lambda x, y: F.cross_entropy(model(x), y), model, optimizer)
    return {"train": (step, lambda n: (_floats(n, 6), _classes(3, n)))}


def cnn() -> Functions:
    """Batch normalisation that differs in training, pooling, momentum; two functions."""
    model = nn.Sequential(
        nn.Conv2d(1, 3, 3, padding=1),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, stride=2, padding=1, groups=1),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(4, 2),
    )
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True)
    step = _stepper(lambda x, y: F.cross_entropy(model(x), y), model, optimizer)

    def predict(x: pydl.Tensor) -> dict[str, pydl.Tensor]:
        with pydl.no_grad():
            model.eval()
            logits = model(x)
            model.train()
        return {"logits": logits, "label": logits.argmax(-1)}

    return {
        "predict": (pydl.compile(predict, state=model), lambda n: (_floats(n, 1, 8, 8),)),
        "train": (step, lambda n: (_floats(n, 1, 8, 8), _classes(2, n))),
    }


def lstm() -> Functions:
    """Two layers over sequences of several lengths, RMSprop."""
    layer, output = nn.LSTM(3, 5, num_layers=2, batch_first=True), nn.Linear(5, 1)
    model = nn.ModuleList([layer, output])
    optimizer = optim.RMSprop(model.parameters(), lr=0.01, momentum=0.5)

    def step(x: pydl.Tensor, lengths: pydl.Tensor, y: pydl.Tensor) -> tuple[pydl.Tensor, Any]:
        states, (h, c) = layer(x, lengths=lengths)
        loss = F.mse_loss(output(states), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach(), (h.detach(), c.detach(), None)

    compiled = pydl.compile(step, state=[model, optimizer])
    return {"train": (compiled, lambda n: (_floats(n, 4, 3), _classes(4, n) + 1, _floats(n, 4, 1)))}


def recurrent() -> Functions:
    """The other cells, the reverse direction with lengths, and prediction."""
    common: dict[str, Any] = {"bidirectional": True, "batch_first": True}
    lstm, again = nn.LSTM(3, 2, **common), nn.LSTM(4, 2, bias=False, **common)
    gru = nn.GRU(4, 2, reset_after=False, **common)
    rnn = nn.RNN(4, 4, nonlinearity="relu", batch_first=True)
    layers = nn.ModuleList([lstm, again, gru, rnn])
    optimizer = optim.SGD(layers.parameters(), lr=0.05)

    def predict(x: pydl.Tensor, lengths: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        x, finals = lstm(x, lengths=lengths)
        x, _ = again(x)
        x, last = gru(x)
        x, _ = rnn(x)
        return x, *finals, last

    def step(x: pydl.Tensor, lengths: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        output, h, c, last = predict(x, lengths)
        loss = F.mse_loss(output, y) + h.square().mean() + c.mean() + last.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    inputs = lambda n: (_floats(n, 4, 3), _classes(5, n))  # noqa: E731
    return {
        "train": (
            pydl.compile(step, state=[layers, optimizer]),
            lambda n: (*inputs(n), _floats(n, 4, 4)),
        ),
        "predict": (pydl.compile(predict, state=layers), inputs),
    }


def randomness() -> Functions:
    """Constants, views of a state, quotients of the batch size, and two generators."""
    generator = pydl.Generator(5)
    table = pydl.tensor(np.arange(12, dtype=np.float32).reshape(4, 3))
    row = table[2]
    weights = np.array([0.5, -1.0, 2.0], np.float32)

    def draw(x: pydl.Tensor) -> dict[str, Any]:
        row[...] = row * 0.5
        noise = pydl.normal(x.shape, generator=generator) + pydl.uniform(x.shape, 0.0, 2.0)
        order = pydl.permutation(x.shape[0], generator=generator)
        shifted = (x + noise) * pydl.tensor(weights)
        n = x.shape[0]
        return {
            "shuffled": pydl.take(shifted, order, 0),
            "mean": shifted.sum(0) / n + table.sum(0) + row / (n + 1) * (2 / n),
            "numbers": [pydl.arange(n), pydl.full((n, 2), float("inf"))],
        }

    return {"draw": (pydl.compile(draw, state=[table, row]), lambda n: (_floats(n, 3),))}


def attributes() -> Functions:
    """Flags, integers, numbers, dtypes and sizes in calls of many ops; one batch size."""
    table = nn.Embedding(7, 4)
    scale = nn.Parameter(_floats(4))

    def forward(x: pydl.Tensor, i: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        image = x.reshape((2, 2, 4, 4))
        y = F.interpolate(image, scale_factor=1.5, mode="bilinear", align_corners=False)
        y = F.pad(F.layer_norm(y, (6, 6)), (1, 0, 0, 1))
        pooled = F.adaptive_avg_pool2d(y, 3) - F.max_pool2d(y, 3, 2)
        embedded = table(i) * scale
        gathered = pydl.gather(x[:, ::-2].softmax(-1), i, 1)
        halves = pydl.concat([x[:1], x[1:].astype("bfloat16").astype("float32")], 0)
        return (
            pooled,
            embedded.var(-1, correction=1, keepdims=True),
            pydl.permute_dims(gathered.log_softmax(-1), (1, 0)),
            halves.max(1) - halves.min((0, 1), keepdims=True).squeeze(1),
            (x > 0).all(1),
            pydl.where(x > 0.5, x, pydl.full(x.shape, float("nan"))).argmax(-1),
            F.elu(x, 0.5),
            pydl.clip(x, -0.5, 0.5).prod(1),
        )

    compiled = pydl.compile(forward, state=[table, scale])
    layers = nn.ModuleList(
        [nn.GRU(2, 3, bidirectional=True), nn.BatchNorm3d(2), nn.GroupNorm(1, 2)]
    )

    def backward(x: pydl.Tensor, w: pydl.Tensor, i: pydl.Tensor) -> tuple[pydl.Tensor, ...]:
        def image_of(x: pydl.Tensor, w: pydl.Tensor) -> pydl.Tensor:
            planes = F.conv2d(x, w, stride=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2)
            grown = F.conv_transpose2d(planes, w, stride=2, groups=2)
            best, at = F.max_pool2d(grown, 2, return_indices=True)
            back = F.max_unpool2d(best, at, 2)
            volume = layers[1](F.adaptive_max_pool3d(back.reshape((1, 2, 2, -1, 4)), (2, 3, 2)))
            return F.interpolate(volume[:, :, 0], size=(5, 3), mode="bilinear", antialias=True)

        def loss(x: pydl.Tensor, w: pydl.Tensor) -> pydl.Tensor:
            image = image_of(x, w)
            states, _ = layers[0](layers[2](image).reshape((5, 3, 2)))
            costs = F.ctc_loss(states.log_softmax(-1), i[:, :1, 0] + 1, i[:, 0, 0] + 4, i[:, 1, 0])
            nearest = F.avg_pool2d(image, 2, 1, padding=1, ceil_mode=True, count_include_pad=False)
            return costs + image.softmax(2).prod(2).sum() + nearest.var((1, 2, 3)).max()

        def length(w: pydl.Tensor) -> pydl.Tensor:
            slope = pydl.grad(lambda v: image_of(x, v).square().sum())(w)
            return slope.square().sum()

        return (*pydl.grad(loss, (0, 1))(x, w), pydl.grad(length)(w))

    derivatives = pydl.compile(backward, state=layers)
    examples = lambda n: (_floats(2, 2, 5, 4), _floats(2, 1, 2, 2), _classes(2, 3, 2, 1))  # noqa: E731
    return {
        "forward": (compiled, lambda n: (_floats(2, 32), _classes(4, 2, 3))),
        "backward": (derivatives, examples),
    }


def normalization() -> Functions:
    """Statistics of the batch in the loss, running ones in training, second derivatives."""
    norms = [nn.BatchNorm2d(3), nn.BatchNorm2d(3), nn.BatchNorm1d(3).eval()]
    model = nn.ModuleList([nn.Conv2d(1, 3, 3), *norms, nn.Linear(3, 1)])
    optimizer = optim.SGD(model.parameters(), lr=0.05)

    def features(x: pydl.Tensor) -> tuple[pydl.Tensor, pydl.Tensor, pydl.Tensor]:
        y = F.relu(model[1](model[0](x)))
        _, mean, variance = pydl._core.batch_norm_train(y, model[2].weight, model[2].bias)
        return model[3](F.relu6(model[2](y)).mean((2, 3))), mean, variance

    def step(x: pydl.Tensor, y: pydl.Tensor) -> pydl.Tensor:
        rows, mean, variance = features(x)
        loss = F.mse_loss(model[4](rows), y) + mean.square().sum() + variance.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def slope(x: pydl.Tensor) -> pydl.Tensor:
        first = pydl.grad(lambda v: model[1](v.expand((v.shape[0], 3, 4, 4))).exp().sum())
        return pydl.grad(lambda v: first(v).square().sum())(x)

    return {
        "train": (
            pydl.compile(step, state=[model, optimizer]),
            lambda n: (_floats(n, 1, 5, 5), _floats(n, 1)),
        ),
        "slope": (pydl.compile(slope, state=model), lambda n: (_floats(n, 1, 4, 4),)),
    }


PROGRAMS: dict[str, Callable[[], Functions]] = {
    "mlp": mlp,
    "cnn": cnn,
    "lstm": lstm,
    "recurrent": recurrent,
    "randomness": randomness,
    "attributes": attributes,
    "normalization": normalization,
}


def tensors_in(result: Any) -> list[pydl.Tensor]:
    """Return the tensors of a result in order."""
    if isinstance(result, dict):
        result = tuple(result.values())
    if isinstance(result, (tuple, list)):
        return [tensor for item in result for tensor in tensors_in(item)]
    return [] if result is None else [result]


def main(folder: Path) -> None:
    """Write each program, and beside it calls in order: function, inputs and outputs."""
    for name, make in PROGRAMS.items():
        pydl.manual_seed(1)
        functions = make()
        calls = [(f, batch(n)) for n in BATCHES for f, (_, batch) in functions.items()]
        pydl.save_program(
            folder / f"{name}.pydl",
            {f: (function, batch(2)) for f, (function, batch) in functions.items()},
            open_batch=name != "attributes",
            class_names=["no", "yes"] if name == "cnn" else [],
            preprocessing={"mean": [0.25], "std": 0.5} if name == "cnn" else None,
        )
        arrays = {}
        for k, (f, inputs) in enumerate(calls):
            outputs = tensors_in(functions[f][0](*inputs))
            arrays |= {f"{k}.{f}.input.{i}": tensor for i, tensor in enumerate(inputs)}
            arrays |= {f"{k}.{f}.output.{i}": tensor for i, tensor in enumerate(outputs)}
        pydl.save(folder / f"{name}.safetensors", arrays, {"producer": f"pydl {pydl.__version__}"})


if __name__ == "__main__":
    main(HERE / sys.argv[1])
