"""Gradients as functions, in the ways of PyTorch (of results) and of JAX (of functions)."""

from pydl._checked_calls import check_public
from pydl._core import RemovableHandle
from pydl.autograd import functional
from pydl.autograd.anomaly import detect_anomaly, set_detect_anomaly
from pydl.autograd.differences import gradcheck, gradgradcheck
from pydl.autograd.function import Function, FunctionContext, custom_gradient, once_differentiable
from pydl.autograd.gradients import grad, value_and_grad
from pydl.autograd.recomputation import checkpoint
from pydl.autograd.transformations import backward, hessian, hvp, jacobian, jvp, vjp
from pydl.autograd.vectorization import vmap
from pydl.grad_mode import enable_grad, no_grad

__all__ = [
    "Function",
    "FunctionContext",
    "RemovableHandle",
    "backward",
    "checkpoint",
    "custom_gradient",
    "detect_anomaly",
    "enable_grad",
    "functional",
    "grad",
    "gradcheck",
    "gradgradcheck",
    "hessian",
    "hvp",
    "jacobian",
    "jvp",
    "no_grad",
    "once_differentiable",
    "set_detect_anomaly",
    "value_and_grad",
    "vjp",
    "vmap",
]

check_public(globals())
