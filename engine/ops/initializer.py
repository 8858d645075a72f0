"""Initializers: the numbers that weights begin with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import ClassVar, Literal, Self

from engine.declare import Call, Declared, Mistake, Value, param
from engine.kinds import FilePath

GAIN = "What the numbers are multiplied by; it makes up for the activation behind."
STD = "Standard deviation."
MEAN = "Mean."

# What torch.nn.init has beside, and why it is not listed here.
EXCLUDED: Mapping[str, str] = {
    "torch.nn.init.calculate_gain": "a number, no initializer; the Kaiming initializers take the nonlinearity",
}
LEFT_OUT: Mapping[str, str] = {
    "tensor": "the tensor of weights it is chosen for",
    "generator": "numbers are drawn from the run's seed",
}


class Initializer(Declared, family="initializer"):
    """Gives a tensor of weights its first numbers, as the function of torch.nn.init does.

    `least` and `most` say how many axes the tensor may have.
    """

    target: ClassVar[str] = ""
    least: ClassVar[int] = 0
    most: ClassVar[int | None] = None

    def build(self, tensor: Value) -> Call | None:
        """The call that fills a tensor, None where it stays as it is. The Value's port names it: "bias of linear_1".

        Raises Mistake where a tensor of that shape, or these params, cannot be.
        """
        name, axes = type(self).__name__, tensor.ndim
        if axes < self.least or (self.most is not None and axes > self.most):
            raise Mistake(f"{name} needs {self._axes()}; {tensor.port} has {axes}.")
        self.refuse_params()
        return Call(self.target, tensor, **{name: getattr(self, name) for name in self.params()})

    def _axes(self) -> str:
        if self.most is None:
            return f"at least {self.least} axes"
        return f"{self.least} axes" if self.least == self.most else f"{self.least} to {self.most} axes"

    def refuse_params(self) -> None:
        """Raise Mistake where params do not go together."""

    def located(self, folder: Path) -> Self:
        """The same with paths that start at a folder."""
        del folder
        return self


class Default(Initializer, group="Initializers"):
    """Leaves the numbers as PyTorch draws them, whatever the project's default is."""

    synonyms = ("pytorch", "standard", "none")

    def build(self, tensor: Value) -> None:
        """Call nothing."""
        del tensor


class Normal(Initializer, group="Initializers"):
    """Draws from a normal distribution."""

    synonyms = ("gaussian", "random")
    target = "nn.init.normal_"

    mean: float = param(0.0, MEAN)
    std: float = param(0.02, STD, low=0)


class Uniform(Initializer, group="Initializers"):
    """Draws evenly from a range."""

    synonyms = ("random",)
    target = "nn.init.uniform_"

    a: float = param(-0.1, "Lowest number.")
    b: float = param(0.1, "Highest number.")

    def refuse_params(self) -> None:
        """Refuse an empty range."""
        if self.a > self.b:
            raise Mistake(f"a is {self.a:g}, above b, which is {self.b:g}; exchange them.", param="a")


class TruncatedNormal(Initializer, group="Initializers"):
    """Draws from a normal distribution until each number lies within a range."""

    synonyms = ("gaussian", "random", "trunc_normal")
    target = "nn.init.trunc_normal_"

    mean: float = param(0.0, MEAN)
    std: float = param(0.02, STD, above=0)
    a: float = param(-0.04, "Lowest number.")
    b: float = param(0.04, "Highest number.")

    def refuse_params(self) -> None:
        """Refuse a range that is empty or that the distribution hardly reaches."""
        if self.a >= self.b:
            raise Mistake(f"a is {self.a:g}, not below b, which is {self.b:g}; make the range wider.", param="a")
        if not self.a - 2 * self.std <= self.mean <= self.b + 2 * self.std:
            words = f"mean is {self.mean:g}, more than two standard deviations outside {self.a:g} to {self.b:g}"
            raise Mistake(f"{words}; move it or the range.", param="mean")


class XavierUniform(Initializer, group="Initializers"):
    """Draws evenly from a range that keeps the variance of signals and gradients: for tanh and sigmoid."""

    synonyms = ("glorot", "random")
    target = "nn.init.xavier_uniform_"
    least = 2

    gain: float = param(1.0, GAIN, low=0)


class XavierNormal(Initializer, group="Initializers"):
    """Draws from a normal distribution that keeps the variance of signals and gradients: for tanh and sigmoid."""

    synonyms = ("glorot", "gaussian", "random")
    target = "nn.init.xavier_normal_"
    least = 2

    gain: float = param(1.0, GAIN, low=0)


class _Kaiming(Initializer, abstract=True):
    least = 2

    nonlinearity: Literal["relu", "leaky_relu", "linear", "sigmoid", "tanh", "selu"] = param(
        "relu", "Activation behind the layer."
    )
    a: float = param(0.0, "Slope of a leaky_relu below zero.")
    mode: Literal["fan_in", "fan_out"] = param(
        "fan_in", "Whether the variance is kept on the way forward (fan_in) or that of the gradients (fan_out)."
    )


class KaimingUniform(_Kaiming, group="Initializers"):
    """Draws evenly from a range that keeps the variance behind a ReLU."""

    synonyms = ("he", "random", "relu")
    target = "nn.init.kaiming_uniform_"


class KaimingNormal(_Kaiming, group="Initializers"):
    """Draws from a normal distribution that keeps the variance behind a ReLU."""

    synonyms = ("he", "gaussian", "random", "relu")
    target = "nn.init.kaiming_normal_"


class Orthogonal(Initializer, group="Initializers"):
    """A random matrix whose rows or columns stand at right angles: keeps lengths, for deep and recurrent networks."""

    synonyms = ("rotation", "random", "recurrent")
    target = "nn.init.orthogonal_"
    least = 2

    gain: float = param(1.0, GAIN)


class Constant(Initializer, group="Initializers"):
    """Sets all numbers to one value."""

    synonyms = ("fill",)
    target = "nn.init.constant_"

    val: float = param(0.0, "The value.")


class Zeros(Initializer, group="Initializers"):
    """Sets all numbers to 0."""

    synonyms = ("fill",)
    target = "nn.init.zeros_"


class Ones(Initializer, group="Initializers"):
    """Sets all numbers to 1."""

    synonyms = ("fill",)
    target = "nn.init.ones_"


class Eye(Initializer, group="Initializers"):
    """The identity matrix: what comes in goes out."""

    synonyms = ("identity",)
    target = "nn.init.eye_"
    least = most = 2


class Dirac(Initializer, group="Initializers"):
    """Filters that hand their channel on unchanged: the identity of convolutions."""

    synonyms = ("identity", "delta", "convolution")
    target = "nn.init.dirac_"
    least, most = 3, 5

    groups: int = param(1, "Groups of channels that each keep their identity.", low=1)

    def build(self, tensor: Value) -> Call | None:
        call = super().build(tensor)
        if tensor[0] % self.groups:
            words = f"groups is {self.groups}, which does not divide the {tensor[0]} filters of {tensor.port}"
            raise Mistake(f"{words}; choose a divisor.", param="groups")
        return call


class Sparse(Initializer, group="Initializers"):
    """Draws from a normal distribution and sets a share of each column to 0."""

    synonyms = ("random", "zeros")
    target = "nn.init.sparse_"
    least = most = 2

    sparsity: float = param(0.9, "Share of each column that is 0.", low=0, high=1)
    std: float = param(0.01, "Standard deviation of the other numbers.", low=0)


class FromFile(Initializer, group="Initializers"):
    """Takes the numbers of a tensor in a safetensors file; buffers, such as running means, can begin so too."""

    synonyms = ("pretrained", "load", "safetensors")
    target = "tensorfile.copy_from_file"

    path: FilePath = param("", "The safetensors file.")
    name: str = param("", "Name of the tensor in it.")

    def refuse_params(self) -> None:
        """Refuse a file or a tensor that is not named."""
        for value, words in ((self.path, "path"), (self.name, "name")):
            if not value:
                raise Mistake(
                    f"{words} is empty; choose a safetensors file and the name of a tensor in it.", param=words
                )

    def located(self, folder: Path) -> Self:
        """The same with a path that starts at a folder."""
        return replace(self, path=str(folder / self.path)) if self.path else self
