"""Random numbers."""

from __future__ import annotations

from bench.operations.row import Input, Row, positive, unit


def _drawn(pydl: str, torch: str, numpy: str, *inputs: Input, covers: str = "") -> Row:
    name = pydl.removeprefix("m.").replace("random.", "")
    return Row(
        pydl,
        inputs or (unit,),
        torch=torch,
        numpy=numpy,
        drawn=True,
        name=name,
        covers=tuple(filter(None, [covers])),
    )


_NUMPY = "m.random.Generator(m.random.PCG64(1))"

ROWS = (
    _drawn("m.rand(x.shape)", "m.rand(x.shape)", f"{_NUMPY}.random(x.shape, 'f')"),
    _drawn("m.randn(x.shape)", "m.randn(x.shape)", f"{_NUMPY}.standard_normal(x.shape, 'f')"),
    _drawn("m.randn(x.shape, dtype=m.float64)", "m.randn(x.shape, dtype=m.float64)",
           f"{_NUMPY}.standard_normal(x.shape)"),
    _drawn("m.randint(0, 10, x.shape)", "m.randint(0, 10, x.shape)",
           f"{_NUMPY}.integers(0, 10, x.shape)", covers="random_integers"),
    _drawn("m.bernoulli(x)", "m.bernoulli(x)", ""),
    _drawn("m.random.exponential(1.0, x.shape)", "m.empty(x.shape).exponential_()",
           f"{_NUMPY}.standard_exponential(x.shape, 'f')", covers="standard_variate"),
    _drawn("m.random.cauchy(shape=x.shape)", "m.empty(x.shape).cauchy_()", ""),
    _drawn("m.random.geometric(0.3, shape=x.shape)", "m.empty(x.shape).geometric_(0.3)",
           f"{_NUMPY}.geometric(0.3, x.shape)"),
    _drawn("m.random.gamma(x)", "m._standard_gamma(x)", f"{_NUMPY}.standard_gamma(x)", positive),
    _drawn("m.poisson(x)", "m.poisson(x)", f"{_NUMPY}.poisson(x)", positive),
    _drawn("m.randperm(x.shape[0] * x.shape[1])", "m.randperm(x.shape[0] * x.shape[1])",
           f"{_NUMPY}.permutation(x.shape[0] * x.shape[1])"),
    _drawn("m.multinomial(x, 2)", "m.multinomial(x, 2)", ""),
    _drawn("m.random.truncated_normal(-2, 2, shape=x.shape)",
           "m.nn.init.trunc_normal_(m.empty(x.shape))", ""),
)  # fmt: skip
