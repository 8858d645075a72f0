"""Products of vectors and matrices, their parts and their measures."""

from __future__ import annotations

from typing import Annotated, ClassVar

from engine.declare import ANY, COMPLEX, FLOAT, NUMBER, Call, Mistake, Op, Port, Value, param
from engine.ops.axes import checked_axis, checked_same_dtype, is_free, joined_batch, joined_shape, shown
from engine.ops.equation import checked_equation
from engine.ops.ports import Anything

NumbersOrComplex = (*NUMBER, *COMPLEX)
FloatsOrComplex = (*FLOAT, *COMPLEX)
PRECISE = ("float32", "float64", *COMPLEX)

Factor = Annotated[Value, Port(NumbersOrComplex, "...")]
Vector = Annotated[Value, Port(FloatsOrComplex, "...")]
Precise = Annotated[Value, Port(PRECISE, "... M P")]
Matrices = Annotated[Value, Port(ANY, "... M P")]

# ------------------------------------------------------------------------------------------------------- products


class MatMul(Op, group="Linear algebra"):
    """Multiplies two matrices, two batches of matrices, or matrices and vectors."""

    synonyms = ("matrix product", "matrix multiplication", "product of matrices", "@", "torch.matmul")
    example = {"input": "float32 2 3 4", "other": "float32 2 4 5"}

    def build(self, input: Factor, other: Factor) -> Call:
        checked_same_dtype(input, other)
        for each in (input, other):
            if each.ndim == 0:
                raise Mistake(f"{each.port} is a single number; use Multiply.", param=each.port)
        inner = other[-2] if other.ndim > 1 else other[0]
        if input[-1] != inner:
            what = "second axis from the end" if other.ndim > 1 else "only axis"
            raise Mistake(
                f"input is {shown(input)} and other is {shown(other)}; the last axis of input ({input[-1]}) "
                f"must be as long as the {what} of other ({inner}).",
                param="other",
            )
        joined_batch(input, other)
        return Call("torch.matmul", input, other)


class BatchMatMul(Op, group="Linear algebra"):
    """Multiplies two batches of matrices, pair by pair."""

    synonyms = ("bmm", "batch matrix product", "torch.bmm")
    example = {"input": "float32 2 3 4", "mat2": "float32 2 4 5"}

    def build(
        self,
        input: Annotated[Value, Port(NumbersOrComplex, "B N M")],
        mat2: Annotated[Value, Port(NumbersOrComplex, "B M P")],
    ) -> Call:
        checked_same_dtype(input, mat2)
        return Call("torch.bmm", input, mat2)


class Einsum(Op, group="Linear algebra"):
    """Multiplies tensors and sums over axes, as an equation of letters says."""

    synonyms = ("einstein sum", "contraction", "tensor product", "torch.einsum")
    key: ClassVar[tuple[str, ...]] = ("equation",)
    example = {"tensors": ["float32 2 3 4", "float32 2 4 5"]}

    equation: str = param(
        "bij,bjk->bik", "A letter for each axis of each tensor, then the letters that stay, such as bij,bjk->bik."
    )

    def build(self, tensors: Annotated[list[Value], Port(ANY, "...")]) -> Call:
        checked_same_dtype(*tensors)
        equation = checked_equation(self.equation, tensors)
        if tensors[0].dtype == "bool":
            raise Mistake("tensors are bool, which cannot be summed; put a Cast before them.", param="tensors")
        return Call("torch.einsum", equation, *tensors)

    def summary(self) -> str:
        return self.equation


class Outer(Op, group="Linear algebra"):
    """Multiplies each number of one vector with each of another."""

    synonyms = ("outer product", "table of products", "torch.outer")
    example = {"input": "float32 3", "vec2": "float32 4"}

    def build(self, input: Annotated[Value, Port(ANY, "N")], vec2: Annotated[Value, Port(ANY, "M")]) -> Call:
        return Call("torch.outer", input, vec2)


class Dot(Op, group="Linear algebra"):
    """Multiplies two tensors and sums along an axis: the similarity of vectors."""

    synonyms = ("inner product", "scalar product", "similarity", "torch.dot", "torch.linalg.vecdot")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    dim: int = param(-1, "Axis along which vectors lie.", low=-16, high=15)

    def build(self, input: Vector, other: Vector) -> Call:
        checked_same_dtype(input, other)
        _checked_vectors(self.dim, input, other)
        return Call("torch.linalg.vecdot", input, other, **self.changed())


class Cross(Op, group="Linear algebra"):
    """Gives the vector that stands upright on two vectors of three numbers each."""

    synonyms = ("cross product", "vector product", "normal", "torch.linalg.cross")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 3", "other": "float32 2 3"}

    dim: int = param(-1, "Axis along which vectors lie; its size must be 3.", low=-16, high=15)

    def build(self, input: Factor, other: Factor) -> Call:
        checked_same_dtype(input, other)
        if input.ndim != other.ndim:
            raise Mistake(
                f"input is {shown(input)} and other is {shown(other)}; both need as many axes.", param="other"
            )
        size = _checked_vectors(self.dim, input, other)
        if size != 3:
            raise Mistake(f"Axis {self.dim} has size {size}; a cross product needs vectors of 3 numbers.", param="dim")
        return Call("torch.linalg.cross", input, other, **self.changed())


def _checked_vectors(dim: int, input: Value, other: Value) -> int:
    """Return the length of the vectors along an axis; raises Mistake where the two differ in it."""
    one, two = input[checked_axis(dim, input)], other[checked_axis(dim, other)]
    if one != two:
        raise Mistake(
            f"input is {shown(input)} and other is {shown(other)}; along axis {dim} both must be as long.",
            param="other",
        )
    joined_shape(input, other)
    return one


class Kron(Op, group="Linear algebra"):
    """Puts the second tensor, times each number of the first, side by side (Kronecker product)."""

    synonyms = ("kronecker", "tensor product", "torch.kron")
    example = {"input": "float32 2 2", "other": "float32 3 2"}

    def build(self, input: Anything, other: Anything) -> Call:
        return Call("torch.kron", input, other)


class Cdist(Op, group="Linear algebra"):
    """Measures the distance of each row of one matrix to each row of another."""

    synonyms = ("pairwise distance", "distance matrix", "nearest neighbour", "torch.cdist")
    key: ClassVar[tuple[str, ...]] = ("p",)
    example = {"x1": "float32 2 3 4", "x2": "float32 2 5 4"}

    p: float = param(2.0, "Power of the distance: 2 for the usual one, 1 for the sum along axes.", low=0)

    def build(
        self,
        x1: Annotated[Value, Port(("float32", "float64"), "... P M")],
        x2: Annotated[Value, Port(("float32", "float64"), "... R M")],
    ) -> Call:
        checked_same_dtype(x1, x2)
        joined_batch(x1, x2)
        return Call("torch.cdist", x1, x2, **self.changed())


# --------------------------------------------------------------------------------------------- parts of a matrix


class _PlaneOp(Op, abstract=True):
    """An op on the diagonals of the plane of two axes."""

    key: ClassVar[tuple[str, ...]] = ("offset",)

    offset: int = param(0, "Which diagonal: above the main one where positive, below it where negative.")
    dim1: int = param(-2, "Axis that counts the rows.", low=-16, high=15, advanced=True)
    dim2: int = param(-1, "Axis that counts the columns.", low=-16, high=15, advanced=True)

    def _checked(self, axes: int) -> None:
        if self.dim1 % axes == self.dim2 % axes:
            words = f"dim1 is {self.dim1} and dim2 is {self.dim2}, the same axis; they must differ."
            raise Mistake(words, param="dim2")


class Diagonal(_PlaneOp, group="Linear algebra"):
    """Takes the diagonal of matrices; it becomes the last axis."""

    synonyms = ("diag", "torch.diagonal")
    example = {"input": "float32 2 3 4"}

    def build(self, input: Anything) -> Call:
        rows, columns = input[checked_axis(self.dim1, input, "dim1")], input[checked_axis(self.dim2, input, "dim2")]
        self._checked(input.ndim)
        if rows != columns and (is_free(rows) or is_free(columns)):
            words = f"input is {shown(input)}; the length of a diagonal of {rows} × {columns} is not known beforehand"
            raise Mistake(f"{words}, so give the Input a fixed size there.", param="dim1" if is_free(rows) else "dim2")
        if not -rows < self.offset < columns:
            words = f"offset is {self.offset}, but the matrices are {rows} × {columns}; it must lie"
            raise Mistake(f"{words} between -{rows} and {columns}.", param="offset")
        return Call("torch.diagonal", input, self.offset, self.dim1, self.dim2)


class DiagEmbed(_PlaneOp, group="Linear algebra"):
    """Makes matrices that hold the last axis on their diagonal and zeros elsewhere."""

    synonyms = ("diag", "diagonal matrix", "torch.diag_embed")
    example = {"input": "float32 2 3"}

    def build(self, input: Annotated[Value, Port(ANY, "... M")]) -> Call:
        axes = input.ndim + 1
        for name, dim in (("dim1", self.dim1), ("dim2", self.dim2)):
            if not -axes <= dim < axes:
                words = f"{name} is {dim}; the result has {axes} axes, so it must lie from {-axes} to {axes - 1}."
                raise Mistake(words, param=name)
        self._checked(axes)
        return Call("torch.diag_embed", input, **self.changed())


class Trace(Op, group="Linear algebra"):
    """Sums the diagonal of matrices."""

    synonyms = ("sum of diagonal", "torch.trace")
    example = {"input": "float32 3 3"}

    def build(self, input: Annotated[Value, Port(NumbersOrComplex, "... M P")]) -> Call:
        if input.ndim == 2:
            return Call("torch.trace", input)
        return Call("torch.sum", Call("torch.diagonal", input, 0, -2, -1), dim=-1)


class Tril(Op, group="Linear algebra"):
    """Keeps the lower triangle of matrices and sets the rest to 0."""

    synonyms = ("lower triangle", "triangular", "torch.tril")
    key: ClassVar[tuple[str, ...]] = ("diagonal",)
    example = {"input": "float32 2 4 4"}

    diagonal: int = param(
        0,
        "Last diagonal that is kept: above the main one where positive, below where negative.",
        low=-(2**31),
        high=2**31,
    )

    def build(self, input: Matrices) -> Call:
        return Call("torch.tril", input, **self.changed())


class Triu(Op, group="Linear algebra"):
    """Keeps the upper triangle of matrices and sets the rest to 0."""

    synonyms = ("upper triangle", "triangular", "torch.triu")
    key: ClassVar[tuple[str, ...]] = ("diagonal",)
    example = {"input": "float32 2 4 4"}

    diagonal: int = param(
        0,
        "First diagonal that is kept: above the main one where positive, below where negative.",
        low=-(2**31),
        high=2**31,
    )

    def build(self, input: Matrices) -> Call:
        return Call("torch.triu", input, **self.changed())


# --------------------------------------------------------------------------------------------- square matrices


class Inverse(Op, group="Linear algebra"):
    """Inverts square matrices."""

    synonyms = ("matrix inverse", "inv", "solve", "torch.linalg.inv")
    example = {"input": "float32 2 3 3"}

    def build(self, input: Precise) -> Call:
        _checked_square(input)
        return Call("torch.linalg.inv", input)


class Determinant(Op, group="Linear algebra"):
    """Gives the determinant of square matrices."""

    synonyms = ("det", "volume", "torch.linalg.det")
    example = {"input": "float32 2 3 3"}

    def build(self, input: Precise) -> Call:
        _checked_square(input)
        return Call("torch.linalg.det", input)


def _checked_square(input: Value) -> None:
    if input[-1] != input[-2]:
        raise Mistake(
            f"input is {shown(input)}; its last two axes must be as long, for square matrices.", param="input"
        )


class Normalize(Op, group="Normalization"):
    """Scales vectors along an axis to length 1."""

    synonyms = ("unit length", "l2 normalise", "normalise", "unit vector", "torch.nn.functional.normalize")
    key: ClassVar[tuple[str, ...]] = ("dim",)
    example = {"input": "float32 2 8"}

    p: float = param(2.0, "Power of the length: 2 for the usual one, 1 for the sum of magnitudes.", above=0)
    dim: int = param(1, "Axis along which vectors lie.", low=-16, high=15)
    eps: float = param(1e-12, "Shortest length that is divided by, so that zeros stay zeros.", above=0, advanced=True)

    def build(self, input: Vector) -> Call:
        checked_axis(self.dim, input)
        return Call("nn.functional.normalize", input, **self.changed())
