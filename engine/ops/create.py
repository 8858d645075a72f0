"""Tensors that come from nowhere else: constants, counts, learned numbers, noise."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from engine.declare import ANY, Call, Mistake, Op, Port, Recipe, Torch, Value, param
from engine.kinds import FixedShape
from engine.ops.axes import checked_axis, checked_same_dtype, fitting, joined_shape
from engine.ops.graph import Dtype
from engine.ops.ports import Anything, Floats

Like = Annotated[Value, Port(ANY, "N ...")]

WITHOUT_BATCH = "Sizes; where a tensor is wired to like, its batch comes before them."


def _checked_sizes(shape: tuple[int, ...]) -> tuple[int, ...]:
    if any(size < 1 for size in shape):
        raise Mistake(f"shape has the size {min(shape)}; each must be at least 1.", param="shape")
    return shape


# ----------------------------------------------------------------------------------------------- fixed and learned


class _Made(Op, abstract=True):
    """An op that needs no input; one wired to `like` gives the batch."""

    example = {"like": "float32 2 3"}


class Constant(_Made, group="Create"):
    """Gives a tensor that holds one number everywhere and is not trained."""

    synonyms = ("fill", "full", "zeros", "ones", "scalar", "torch.full")
    key: ClassVar[tuple[str, ...]] = ("value", "shape")

    value: float = param(0.0, "The number.")
    shape: FixedShape = param((1,), WITHOUT_BATCH)
    dtype: Dtype = param("float32", "Type of the number.")

    def build(self, like: Like | None = None) -> Recipe:
        value = fitting(self.value, Value("dtype", (), self.dtype))
        return Recipe(
            "modules.Fixed", Call("torch.full", _checked_sizes(self.shape), value, dtype=Torch(f"torch.{self.dtype}"))
        )


class Range(_Made, group="Create"):
    """Counts from start to before end, in steps."""

    synonyms = ("arange", "count", "positions", "torch.arange")
    key: ClassVar[tuple[str, ...]] = ("start", "end", "step")

    start: int = param(0, "First number.")
    end: int = param(10, "Number before which it stops.")
    step: int = param(1, "Distance between one number and the next; negative counts down.")
    dtype: Literal["int64", "int32", "float32"] = param("int64", "Type of the numbers.")

    def build(self, like: Like | None = None) -> Recipe:
        if self.step == 0:
            raise Mistake("step is 0; it must be greater or less than 0.", param="step")
        count = len(range(self.start, self.end, self.step))
        if not 0 < count <= 2**24:
            raise Mistake(
                f"From start {self.start} to end {self.end} in steps of {self.step} there are {count} numbers; "
                f"there must be 1 to {2**24}.",
                param="end",
            )
        more = {} if self.dtype == "int64" else {"dtype": Torch(f"torch.{self.dtype}")}
        return Recipe("modules.Fixed", Call("torch.arange", self.start, self.end, self.step, **more))

    def summary(self) -> str:
        return f"{self.start} to {self.end}" + (f", step {self.step}" if self.step != 1 else "")


class Linspace(_Made, group="Create"):
    """Gives evenly spaced numbers from start to end, both included."""

    synonyms = ("grid", "evenly spaced", "ramp", "torch.linspace")
    key: ClassVar[tuple[str, ...]] = ("start", "end", "steps")

    start: float = param(0.0, "First number.")
    end: float = param(1.0, "Last number.")
    steps: int = param(11, "How many numbers.", low=1, high=2**24)

    def build(self, like: Like | None = None) -> Recipe:
        return Recipe("modules.Fixed", Call("torch.linspace", self.start, self.end, self.steps))


class Eye(_Made, group="Create"):
    """Gives a matrix with ones on its diagonal and zeros elsewhere."""

    synonyms = ("identity matrix", "unit matrix", "torch.eye")
    key: ClassVar[tuple[str, ...]] = ("n", "m")

    n: int = param(3, "Number of rows.", low=1, high=2**14)
    m: int | None = param(None, "Number of columns; empty for n.", low=1, high=2**14)

    def build(self, like: Like | None = None) -> Recipe:
        return Recipe("modules.Fixed", Call("torch.eye", *((self.n,) if self.m is None else (self.n, self.m))))


class Parameter(_Made, group="Create"):
    """Gives a tensor of learned numbers, such as a class token, a scale, or queries."""

    synonyms = ("learned", "weight", "class token", "query", "variable", "torch.nn.Parameter")
    key: ClassVar[tuple[str, ...]] = ("shape",)

    shape: FixedShape = param((1,), WITHOUT_BATCH)
    mean: float = param(0.0, "Number they start at, or around.")
    std: float = param(0.02, "Spread of the numbers they start with; 0 to start all alike.", low=0)

    def build(self, like: Like | None = None) -> Recipe:
        settings = {name: value for name, value in self.changed().items() if name != "shape"}
        return Recipe("modules.LearnedTensor", _checked_sizes(self.shape), **settings)


# ---------------------------------------------------------------------------------------------- from another tensor


class ZerosLike(Op, group="Create"):
    """Gives zeros in the shape of a tensor."""

    synonyms = ("zeros", "empty", "torch.zeros_like")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.zeros_like", input)


class OnesLike(Op, group="Create"):
    """Gives ones in the shape of a tensor, such as the labels of real samples."""

    synonyms = ("ones", "torch.ones_like")
    example = {"input": "float32 2 3"}

    def build(self, input: Anything) -> Call:
        return Call("torch.ones_like", input)


class FullLike(Op, group="Create"):
    """Gives one number everywhere, in the shape of a tensor."""

    synonyms = ("fill", "constant", "torch.full_like")
    key: ClassVar[tuple[str, ...]] = ("value",)
    example = {"input": "float32 2 3"}

    value: float = param(1.0, "The number.")

    def build(self, input: Anything) -> Call:
        return Call("torch.full_like", input, fitting(self.value, input))


class Positions(Op, group="Create"):
    """Counts the positions along an axis of a tensor: 0, 1, 2 and so on."""

    synonyms = ("arange", "indices", "position ids", "range", "time steps")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "Axis whose positions are counted.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.dim, input)
        return Call("modules.positions", input, self.dim)


class Size(Op, group="Create"):
    """Gives the size of an axis of a tensor as a number."""

    synonyms = ("length", "shape", "dimension", "count", "torch.Tensor.size")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 5 4"}

    dim: int = param(1, "The axis.", low=-16, high=15)

    def build(self, input: Anything) -> Call:
        checked_axis(self.dim, input)
        return Call("modules.size_of", input, self.dim)


# ----------------------------------------------------------------------------------------------------------- noise


class _Noise(Op, abstract=True):
    """Random numbers for a batch, drawn anew each time."""

    key: ClassVar[tuple[str, ...]] = ("shape",)
    random: ClassVar[bool] = True
    example = {"input": "float32 2 5"}

    shape: FixedShape | None = param(
        None, "Sizes behind the batch, which is that of input; empty for all of its sizes."
    )

    def _call(self, function: str, input: Value, **settings: Any) -> Call:
        more = {} if self.shape is None else {"shape": _checked_sizes(self.shape)}
        return Call(function, input, **settings, **more)


class RandomNormal(_Noise, group="Create"):
    """Draws noise from the bell curve, such as the latent vectors of a generator."""

    synonyms = ("noise", "gaussian", "latent", "sample", "randn", "torch.randn", "torch.randn_like")

    mean: float = param(0.0, "Centre of the numbers.")
    std: float = param(1.0, "Spread of the numbers.", low=0)

    def build(self, input: Like) -> Call:
        return self._call("modules.random_normal", input, mean=self.mean, std=self.std)


class RandomUniform(_Noise, group="Create"):
    """Draws numbers that are all as likely, between two limits."""

    synonyms = ("noise", "sample", "rand", "torch.rand", "torch.rand_like")

    low: float = param(0.0, "Least number.")
    high: float = param(1.0, "Number that all stay below.")

    def build(self, input: Like) -> Call:
        if self.low >= self.high:
            raise Mistake(f"low is {self.low:g}; it must be less than high ({self.high:g}).", param="low")
        return self._call("modules.random_uniform", input, low=self.low, high=self.high)


class RandomBernoulli(_Noise, group="Create"):
    """Draws ones with a probability, and zeros else."""

    synonyms = ("noise", "coin", "binary", "random mask", "torch.bernoulli")
    key: ClassVar[tuple[str, ...]] = ("p", "shape")

    p: float = param(0.5, "Probability of a 1.", low=0, high=1)

    def build(self, input: Like) -> Call:
        return self._call("modules.random_bernoulli", input, p=self.p)


class RandomInteger(_Noise, group="Create"):
    """Draws whole numbers that are all as likely, such as the time steps of a diffusion model."""

    synonyms = ("randint", "time step", "random index", "torch.randint")
    key: ClassVar[tuple[str, ...]] = ("low", "high", "shape")

    low: int = param(0, "Least number.", low=-(2**62), high=2**62)
    high: int = param(10, "Number that all stay below.", low=-(2**62), high=2**62)

    def build(self, input: Like) -> Call:
        if self.low >= self.high:
            raise Mistake(f"low is {self.low}; it must be less than high ({self.high}).", param="low")
        return self._call("modules.random_integer", input, low=self.low, high=self.high)


class Reparameterize(Op, group="Create"):
    """Draws from bell curves with given means and log variances, so that gradients reach both (for a VAE)."""

    synonyms = ("vae", "sample", "latent", "reparametrise", "reparameterization trick", "gaussian")
    random: ClassVar[bool] = True
    example = {"mean": "float32 2 4", "log_variance": "float32 2 4"}

    sample_in_eval: bool = param(False, "Whether it draws when predicting too; else the mean comes out then.")

    def build(self, mean: Floats, log_variance: Floats) -> Recipe:
        checked_same_dtype(mean, log_variance)
        if joined_shape(mean, log_variance) != mean.shape:
            raise Mistake("log_variance has more numbers than mean; both need the same shape.", param="log_variance")
        return Recipe("modules.Reparameterize", **self.changed())
