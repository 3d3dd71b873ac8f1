"""What users of PyTorch type to register, find and convert the parts of a module."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

from pydl._core import Tensor

if TYPE_CHECKING:
    from pydl.nn.module import Buffer, Module, Parameter

SelfT = TypeVar("SelfT", bound="Registering")


class Registering:
    """Methods of `Module` that say in PyTorch's words what attributes and `to` do."""

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Set an attribute to a `Buffer` that holds the tensor, or to None.

        Parameters
        ----------
        name : str
            The attribute.
        tensor : Tensor, array_like or None
            Its memory is shared, where it is a tensor.
        persistent : bool, default True
            Whether it is part of `state_dict`.

        Examples
        --------
        >>> import pydl
        >>> module = pydl.nn.Module()
        >>> module.register_buffer("mean", pydl.zeros(3))
        >>> list(module.state_dict())
        ['mean']
        """
        from pydl.nn.module import Buffer

        self._register("register_buffer", name)
        setattr(self, name, None if tensor is None else Buffer(tensor, persistent))

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Set an attribute to a `Parameter`, or to None.

        Parameters
        ----------
        name : str
            The attribute.
        param : Parameter or None

        Raises
        ------
        TypeError
            For something else.
        """
        from pydl.nn.module import Parameter

        self._register("register_parameter", name)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter: expected a Parameter or None, got {type(param).__name__}"
            )
        setattr(self, name, param)

    def register_module(self, name: str, module: Module | None) -> None:
        """Set an attribute to a module, or to None.

        Parameters
        ----------
        name : str
            The attribute.
        module : Module or None

        Raises
        ------
        TypeError
            For something else.
        """
        from pydl.nn.module import Module

        self._register("register_module", name)
        if module is not None and not isinstance(module, Module):
            raise TypeError(
                f"register_module: expected a Module or None, got {type(module).__name__}"
            )
        setattr(self, name, module)

    def add_module(self, name: str, module: Module | None) -> None:
        """Do what `register_module` does: PyTorch's other name."""
        self.register_module(name, module)

    def _register(self, caller: str, name: str) -> None:
        """Raise `ValueError` for what cannot be the name of an attribute."""
        if not isinstance(name, str) or not (name.isidentifier() or name.isdecimal()):
            raise ValueError(f"{caller}: {name!r} is no name for an attribute")
        if hasattr(type(self), name):
            raise ValueError(f"{caller}: the name {name!r} is taken by {type(self).__name__}")

    def get_submodule(self, target: str) -> Module:
        """Return the module at a path such as "encoder.0"; the module itself at "".

        Parameters
        ----------
        target : str
            As `named_modules` writes it.

        Returns
        -------
        Module

        Raises
        ------
        AttributeError
            Where there is none.
        """
        found = dict(cast("Module", self).named_modules()).get(target)
        if found is None:
            raise AttributeError(f"{type(self).__name__}.get_submodule: there is no {target!r}")
        return found

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter at a path such as "encoder.0.weight"."""
        from pydl.nn.module import Parameter

        return cast("Parameter", self._tensor_at("get_parameter", target, Parameter))

    def get_buffer(self, target: str) -> Buffer:
        """Return the buffer at a path such as "encoder.1.running_mean"."""
        from pydl.nn.module import Buffer

        return cast("Buffer", self._tensor_at("get_buffer", target, Buffer))

    def _tensor_at(self, caller: str, target: str, kind: type[Tensor]) -> Tensor:
        path, _, name = target.rpartition(".")
        owner = dict(cast("Module", self).named_modules()).get(path)
        found = None if owner is None else dict(owner._members()).get(name)
        if not isinstance(found, kind):
            raise AttributeError(
                f"{type(self).__name__}.{caller}: there is no {kind.__name__.lower()} {target!r}"
            )
        return found

    def float(self: SelfT) -> SelfT:
        """Convert floating parameters and buffers to float32, as ``to("float32")``; return self."""
        return cast("SelfT", cast("Module", self).to("float32"))

    def double(self: SelfT) -> SelfT:
        """Convert floating parameters and buffers to float64, as ``to("float64")``; return self."""
        return cast("SelfT", cast("Module", self).to("float64"))

    def half(self: SelfT) -> SelfT:
        """Convert floating parameters and buffers to float16, as ``to("float16")``; return self."""
        return cast("SelfT", cast("Module", self).to("float16"))

    def bfloat16(self: SelfT) -> SelfT:
        """Convert floating tensors to bfloat16, as ``to("bfloat16")``; return self."""
        return cast("SelfT", cast("Module", self).to("bfloat16"))

    def cpu(self: SelfT) -> SelfT:
        """Move parameters and buffers to the CPU, as ``to("cpu")``; return self."""
        return cast("SelfT", cast("Module", self).to("cpu"))
