"""Well-known networks as graphs of blocks, each a handful of nodes: for tests, benchmarks and the examples.

Each function returns a project with the Inputs, the network, an Output, and a loss to train it by.
`python -m tests.architectures` writes them as the examples that ship with Netloom.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine import edit, edit_settings
from engine.block_edits import add_block, in_block, set_repeat, use_block
from engine.blocks import EXPR, PARAM
from engine.examples import FOLDER
from engine.ops import OPS
from engine.spec import SUFFIX, Spec, save

Draw = Callable[["Sketch"], Any]
Number = Any  # a number, or where it is taken from the block around it


# ------------------------------------------------------------------------------------------------------- drawing


@dataclass
class Sketch:
    """A graph in the making: each new node that needs an input is wired behind the last one, unless told otherwise."""

    spec: Spec
    last: str = ""

    def add(self, op: str, *sources: str, title: str = "", **params: Any) -> str:
        """Add a node and return its id; the sources are wired to its ports in order."""
        ports = list(OPS[op].input_ports().values()) if op in OPS else []
        wires = sources or ((self.last,) if self.last and ports and not ports[0].optional else ())
        if ports and ports[0].list:
            inputs: dict[str, Any] = {ports[0].name: wires}
        else:
            inputs = {port.name: wire for port, wire in zip(ports, wires, strict=False)}
        self.last = edit.new_id(self.spec, op)
        self.spec = edit.add(self.spec, op, params=params, inputs=inputs)
        return self._titled(title)

    def use(self, block: str, *sources: str, repeat: Any = 1, title: str = "", **params: Any) -> str:
        """Add a node that stands for a block, behind the sources or the last node, and return its id."""
        ports = [
            node.params.get("name") or node.id for node in self.spec.blocks[block].nodes.values() if node.op == "Input"
        ]
        inputs = dict(zip(ports, sources or (self.last,), strict=True))
        before = set(self.spec.nodes)
        self.spec = use_block(self.spec, block, inputs=inputs)
        (self.last,) = set(self.spec.nodes) - before
        for name, value in params.items():
            self.spec = edit.set_param(self.spec, self.last, name, value)
        self.spec = set_repeat(self.spec, self.last, repeat)
        return self._titled(title)

    def block(self, name: str, draw: Draw, *inputs: str, doc: str = "", **params: tuple[Any, str]) -> None:
        """Define a block: `draw` builds what stands between its Inputs and its Output.

        `params` maps each param that the block exposes to its default and a sentence; `inputs` name the Inputs where
        there are several.
        """
        self.spec = add_block(self.spec, name)
        exposed = {param: _declared(default, words) for param, (default, words) in params.items()}
        extra = {"doc": doc} if doc else {}
        held = replace(self.spec.blocks[name], params=exposed, extra=extra)
        self.spec = replace(self.spec, blocks={**self.spec.blocks, name: held})
        self.spec = in_block(self.spec, name, lambda inner: _drawn(inner, draw, inputs))

    def _titled(self, title: str) -> str:
        self.spec = edit.set_title(self.spec, self.last, title)
        return self.last


def _declared(default: Any, words: str) -> dict[str, Any]:
    return {"type": type(default).__name__, "default": default, "doc": words}


def _drawn(inner: Spec, draw: Draw, inputs: Sequence[str]) -> Spec:
    sketch = Sketch(edit.set_param(inner, "output_1", "name", "output"))
    for place, name in enumerate(inputs or ("input",), 1):
        if place > 1:
            sketch.add("Input")
        sketch.spec = edit.set_param(sketch.spec, f"input_{place}", "name", name)
    sketch.last = "input_1"
    draw(sketch)
    return edit.tidy(edit.connect(sketch.spec, sketch.last, "output_1", "input"))


def given(text: str) -> dict[str, str]:
    """A param's value inside a block: taken from the block ("width"), or computed ("4 * width")."""
    return {PARAM: text} if text.isidentifier() else {EXPR: text}


def _images(name: str, size: int = 224) -> Sketch:
    sketch = Sketch(Spec(name=name))
    sketch.add("Input", column="image", shape=["N", 3, size, size], title="Image")
    return sketch


def _classified(sketch: Sketch) -> Spec:
    """End a classifier: its Output, the labels, a loss and the accuracy."""
    scores = sketch.last
    sketch.add("Output", scores, name="class")
    sketch.spec = edit.set_decode(sketch.spec, sketch.last, {"op": "Argmax", "params": {}})
    labels = sketch.add("Input", column="label", shape=["N"], dtype="int64", title="Label")
    sketch.add("CrossEntropyLoss", scores, labels)
    sketch.add("Accuracy", scores, labels)
    return edit.tidy(sketch.spec)


# ------------------------------------------------------------------------------------------- convolutional networks

NO_PARAMS: dict[str, Any] = {}
WIDTH = "Channels inside the block."
STRIDE = "Pixels between one position and the next of the first convolution."
DEPTH = "Times the block stands in a row."


def _conv(
    sketch: Sketch,
    channels: Number,
    kernel: Number = 1,
    source: str = "",
    *,
    stride: Number = 1,
    groups: Number = 1,
    act: str = "ReLU",
    norm: Mapping[str, Any] = NO_PARAMS,
) -> str:
    """Add a convolution, a batch normalisation and, where it is named, an activation."""
    padding = given(f"{kernel[PARAM]} // 2") if isinstance(kernel, Mapping) else kernel // 2
    settings: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": stride,
        "padding": padding,
        "groups": groups,
        "bias": False,
    }
    sketch.add("Conv2d", *([source] if source else []), out_channels=channels, **settings)
    sketch.add("BatchNorm2d", **norm)
    return sketch.add(act) if act else sketch.last


def _joined(sketch: Sketch, start: str, channels: Number, stride: Number) -> None:
    """Add the shortcut and the sum that end a residual block; with a stride the shortcut is a convolution."""
    main = sketch.last
    if stride != 1:
        start = _conv(sketch, channels, 1, start, stride=stride, act="")
    sketch.add("Add", main, start)
    sketch.add("ReLU")


def _basic(sketch: Sketch, stride: Number = 1) -> None:
    start = sketch.last
    _conv(sketch, given("width"), 3, stride=stride)
    _conv(sketch, given("width"), 3, act="")
    _joined(sketch, start, given("width"), stride)


def _bottleneck(sketch: Sketch, stride: Number = 1) -> None:
    start = sketch.last
    _conv(sketch, given("width"))
    _conv(sketch, given("width"), 3, stride=stride)
    _conv(sketch, given("4 * width"), act="")
    _joined(sketch, start, given("4 * width"), stride)


def _residual_blocks(sketch: Sketch, kind: str, draw: Callable[..., None]) -> None:
    """Define a residual block, one that begins a stage, and the stage."""
    width, stride = (64, WIDTH), (2, STRIDE)
    first = f"First{kind}"
    sketch.block(kind, draw, width=width, doc="Convolutions whose result is added to what came in.")
    sketch.block(
        first,
        lambda inner: draw(inner, given("stride")),
        width=width,
        stride=stride,
        doc="A residual block of another size than what comes in, which a convolution on the shortcut fits to it.",
    )

    def stage(inner: Sketch) -> None:
        inner.use(first, width=given("width"), stride=given("stride"))
        inner.use(kind, width=given("width"), repeat=given("depth - 1"))

    doc = "Residual blocks of one size, the first of which gets the image there."
    sketch.block("Stage", stage, width=width, stride=stride, depth=(2, "Residual blocks in a row."), doc=doc)


def _stem(sketch: Sketch) -> None:
    _conv(sketch, 64, 7, stride=2)
    sketch.add("MaxPool2d", kernel_size=3, stride=2, padding=1)


def _pooled_linear(sketch: Sketch, classes: int) -> Spec:
    sketch.add("AdaptiveAvgPool2d")
    sketch.add("Flatten")
    sketch.add("Linear", out_features=classes)
    return _classified(sketch)


def resnet18(classes: int = 1000, size: int = 224) -> Spec:
    """ResNet-18 (He et al. 2015)."""
    sketch = _images("ResNet-18", size)
    _residual_blocks(sketch, "BasicBlock", _basic)
    sketch.block("Stem", _stem, doc="Brings the image to a quarter of its height and width.")
    sketch.use("Stem")
    sketch.use("BasicBlock", width=64, repeat=2, title="Stage 1")
    for number, width in enumerate((128, 256, 512), 2):
        sketch.use("Stage", width=width, title=f"Stage {number}")
    return _pooled_linear(sketch, classes)


def resnet50(classes: int = 1000, size: int = 224) -> Spec:
    """ResNet-50 (He et al. 2015), with the stride at the middle convolution of a bottleneck."""
    sketch = _images("ResNet-50", size)
    _residual_blocks(sketch, "Bottleneck", _bottleneck)
    sketch.block("Stem", _stem, doc="Brings the image to a quarter of its height and width.")
    sketch.use("Stem")
    for number, (width, depth, stride) in enumerate(((64, 3, 1), (128, 4, 2), (256, 6, 2), (512, 3, 2)), 1):
        sketch.use("Stage", width=width, stride=stride, depth=depth, title=f"Stage {number}")
    return _pooled_linear(sketch, classes)


def vgg16(classes: int = 1000, size: int = 224) -> Spec:
    """VGG-16 (Simonyan and Zisserman 2014), without batch normalisation."""
    sketch = _images("VGG-16", size)

    def layer(inner: Sketch) -> None:
        inner.add("Conv2d", out_channels=given("width"), padding=1)
        inner.add("ReLU")

    def stage(inner: Sketch) -> None:
        inner.use("ConvReLU", width=given("width"), repeat=given("depth"))
        inner.add("MaxPool2d")

    def dense(inner: Sketch) -> None:
        inner.add("Linear", out_features=given("width"))
        inner.add("ReLU")
        inner.add("Dropout")

    width = (64, WIDTH)
    sketch.block("ConvReLU", layer, width=width)
    sketch.block(
        "Stage", stage, width=width, depth=(2, "Convolutions in a row."), doc="Convolutions, then half the size."
    )
    sketch.block("Dense", dense, width=(4096, "Features that come out."))
    for number, (channels, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), 1):
        sketch.use("Stage", width=channels, depth=depth, title=f"Stage {number}")
    sketch.add("AdaptiveAvgPool2d", output_size=7)
    sketch.add("Flatten")
    sketch.use("Dense", repeat=2)
    sketch.add("Linear", out_features=classes)
    return _classified(sketch)


# ------------------------------------------------------------------------------------------------------- MobileNet

MOBILE_NORM: dict[str, Any] = {"eps": 0.001, "momentum": 0.01}


def _squeeze_excite(sketch: Sketch) -> None:
    start = sketch.last
    sketch.add("AdaptiveAvgPool2d")
    sketch.add("Conv2d", out_channels=given("squeezed"), kernel_size=1)
    sketch.add("ReLU")
    sketch.add("Conv2d", out_channels=given("channels"), kernel_size=1)
    sketch.add("Hardsigmoid")
    sketch.add("Multiply", sketch.last, start)


def _inverted(act: str, *, excite: bool, expand: bool = True, residual: bool = False) -> Draw:
    """What an inverted residual block is made of: wide and depthwise inside, narrow outside."""
    squeezed = given("(expanded // 4 + 4) // 8 * 8")  # a quarter, rounded to a multiple of 8

    def draw(sketch: Sketch) -> None:
        start = sketch.last
        if expand:
            _conv(sketch, given("expanded"), act=act, norm=MOBILE_NORM)
        stride = 1 if residual else given("stride")
        _conv(
            sketch,
            given("expanded"),
            given("kernel"),
            stride=stride,
            groups=given("expanded"),
            act=act,
            norm=MOBILE_NORM,
        )
        if excite:
            sketch.use("SqueezeExcite", channels=given("expanded"), squeezed=squeezed)
        _conv(sketch, given("channels"), act="", norm=MOBILE_NORM)
        if residual:
            sketch.add("Add", sketch.last, start)

    return draw


def mobilenet_v3_small(classes: int = 1000, size: int = 224) -> Spec:
    """MobileNetV3-Small (Howard et al. 2019)."""
    sketch = _images("MobileNetV3-Small", size)
    wide, channels, kernel = (96, "Channels inside."), (40, "Channels that come out."), (5, "Size of the filters.")
    params: dict[str, Any] = {"expanded": wide, "channels": channels, "kernel": kernel}
    excite: dict[str, Any] = {"channels": (96, "Channels."), "squeezed": (24, "Channels in the middle.")}
    sketch.block("SqueezeExcite", _squeeze_excite, doc="Weighs each channel by what all of the image holds.", **excite)
    strided: dict[str, Any] = {**params, "stride": (2, STRIDE)}
    sketch.block("First", _inverted("ReLU", excite=True, expand=False), **strided)
    sketch.block("NarrowReLU", _inverted("ReLU", excite=False), **strided)
    sketch.block("ResidualReLU", _inverted("ReLU", excite=False, residual=True), **params)
    sketch.block("NarrowSwish", _inverted("Hardswish", excite=True), **strided)
    sketch.block("ResidualSwish", _inverted("Hardswish", excite=True, residual=True), **params)
    _conv(sketch, 16, 3, stride=2, act="Hardswish", norm=MOBILE_NORM)
    sketch.use("First", expanded=16, channels=16, kernel=3)
    sketch.use("NarrowReLU", expanded=72, channels=24, kernel=3)
    sketch.use("ResidualReLU", expanded=88, channels=24, kernel=3)
    sketch.use("NarrowSwish", expanded=96, channels=40)
    sketch.use("ResidualSwish", expanded=240, channels=40, repeat=2)
    sketch.use("NarrowSwish", expanded=120, channels=48, stride=1)
    sketch.use("ResidualSwish", expanded=144, channels=48)
    sketch.use("NarrowSwish", expanded=288, channels=96)
    sketch.use("ResidualSwish", expanded=576, channels=96, repeat=2)
    _conv(sketch, 576, act="Hardswish", norm=MOBILE_NORM)
    sketch.add("AdaptiveAvgPool2d")
    sketch.add("Flatten")
    sketch.add("Linear", out_features=1024)
    sketch.add("Hardswish")
    sketch.add("Dropout", p=0.2)
    sketch.add("Linear", out_features=classes)
    return _classified(sketch)


# ------------------------------------------------------------------------------------------------------------ U-Net


def unet(classes: int = 2, size: int = 256) -> Spec:
    """U-Net (Ronneberger et al. 2015) as it is built today: padded, with batch normalisation."""
    sketch = _images("U-Net", size)
    params: dict[str, Any] = {"width": (64, WIDTH)}

    def twice(inner: Sketch) -> None:
        _conv(inner, given("width"), 3)
        _conv(inner, given("width"), 3)

    def down(inner: Sketch) -> None:
        inner.add("MaxPool2d")
        inner.use("TwoConvs", width=given("width"))

    def up(inner: Sketch) -> None:
        inner.add("ConvTranspose2d", out_channels=given("width"))
        inner.add("Concat", "input_2", inner.last)
        inner.use("TwoConvs", width=given("width"))

    sketch.block("TwoConvs", twice, **params)
    sketch.block("Down", down, **params, doc="Half the size, then two convolutions.")
    sketch.block("Up", up, "input", "skip", **params, doc="Twice the size, beside what the way down had of that size.")
    levels = [sketch.use("TwoConvs", width=64)]
    levels += [sketch.use("Down", width=width) for width in (128, 256, 512, 1024)]
    for width, skip in zip((512, 256, 128, 64), levels[-2::-1], strict=True):
        sketch.use("Up", sketch.last, skip, width=width)
    scores = sketch.add("Conv2d", out_channels=classes, kernel_size=1)
    sketch.add("Output", scores, name="mask")
    sketch.add("Input", column="mask", shape=["N", size, size], dtype="int64", title="Mask")
    sketch.add("CrossEntropyLoss", scores, sketch.last)
    return edit.tidy(sketch.spec)


# ----------------------------------------------------------------------------------------------------- Transformers

HEADS = "Heads of the attention."
FEATURES = "Features of each position."


def _attention(sketch: Sketch, query: str, memory: str, *, causal: bool = False) -> str:
    settings: dict[str, Any] = {"is_causal": True} if causal else {}
    params: dict[str, Any] = {"num_heads": given("heads"), "dropout": given("dropout"), **settings}
    return sketch.add("MultiheadAttention", query, memory, memory, **params)


def _feed_forward(sketch: Sketch, act: str) -> str:
    sketch.add("Linear", out_features=given("4 * width"))
    sketch.add(act)
    sketch.add("Linear", out_features=given("width"))
    return sketch.add("Dropout", p=given("dropout"))


def _norm_first_layer(sketch: Sketch, *, causal: bool = False, eps: float = 1e-5) -> None:
    """A layer whose normalisations stand before attention and dense layers."""
    start = sketch.last
    sketch.add("LayerNorm", eps=eps)
    _attention(sketch, sketch.last, sketch.last, causal=causal)
    sketch.add("Dropout", p=given("dropout"))
    middle = sketch.add("Add", start, sketch.last)
    sketch.add("LayerNorm", eps=eps)
    _feed_forward(sketch, "GELU")
    sketch.add("Add", middle, sketch.last)


def _layer_params(width: int, heads: int, dropout: float) -> dict[str, Any]:
    dropped = (dropout, "Share dropped while training.")
    return {"width": (width, FEATURES), "heads": (heads, HEADS), "dropout": dropped}


def vit_encoder(width: int = 768, heads: int = 12, layers: int = 12, tokens: int = 197) -> Spec:
    """The encoder of a vision transformer, from patches with their positions to the last normalisation."""
    sketch = Sketch(Spec(name="ViT encoder"))
    sketch.add("Input", column="patches", shape=["N", tokens, width], title="Patches")
    _encode(sketch, width, heads, layers)
    sketch.add("Output", name="features")
    return edit.tidy(sketch.spec)


def _encode(sketch: Sketch, width: int, heads: int, layers: int) -> None:
    sketch.block("EncoderLayer", lambda inner: _norm_first_layer(inner, eps=1e-6), **_layer_params(width, heads, 0.0))
    sketch.use("EncoderLayer", repeat=layers)
    sketch.add("LayerNorm", eps=1e-6)


def vit_b16(classes: int = 1000, size: int = 224, width: int = 768, layers: int = 12) -> Spec:
    """ViT-B/16 (Dosovitskiy et al. 2020): patches of 16 x 16 pixels, a class token, learned positions."""
    sketch = _images("ViT-B/16", size)

    def embed(inner: Sketch) -> None:
        inner.add("Conv2d", out_channels=given("width"), kernel_size=16, stride=16, padding=0)
        inner.add("Flatten", start_dim=2)
        patches = inner.add("Permute", dims=[0, 2, 1])
        token = inner.add("Parameter", patches, shape=[1, width], std=0.0, title="Class token")
        tokens = inner.add("Concat", token, patches)
        inner.add("Parameter", shape=[(size // 16) ** 2 + 1, width], title="Positions")
        inner.add("Add", tokens, inner.last)

    sketch.block("Embed", embed, width=(width, FEATURES), doc="Patches as tokens, with a class token and positions.")
    sketch.use("Embed")
    _encode(sketch, width, width // 64, layers)
    sketch.add("Select", dim=1, index=0, title="Class token")
    sketch.add("Linear", out_features=classes)
    return _classified(sketch)


def gpt(vocabulary: int = 50257, width: int = 768, heads: int = 12, layers: int = 12, context: int = 1024) -> Spec:
    """A decoder in the style of GPT-2, by default its smallest; the last layer uses the weights of the embedding."""
    sketch = Sketch(Spec(name="GPT"))
    words = sketch.add("Input", column="tokens", shape=["N", "T"], dtype="int64", title="Tokens")
    embedding = sketch.add("Embedding", num_embeddings=vocabulary, embedding_dim=width)
    sketch.add("Positions", words)
    sketch.add("Embedding", num_embeddings=context, embedding_dim=width, title="Positions")
    sketch.add("Add", embedding, sketch.last)
    params = _layer_params(width, heads, 0.1)
    sketch.block("DecoderLayer", lambda inner: _norm_first_layer(inner, causal=True), **params)
    sketch.use("DecoderLayer", repeat=layers)
    sketch.add("LayerNorm")
    return _next_token(sketch, vocabulary, embedding, ("N", "T"))


def _next_token(sketch: Sketch, vocabulary: int, owner: str, axes: Sequence[str], smoothing: float = 0.0) -> Spec:
    """End a language model: scores from the weights of an embedding, and the loss on the tokens that follow."""
    scores = sketch.add("Linear", out_features=vocabulary, bias=False)
    sketch.spec = shared(sketch.spec, scores, owner)
    sketch.add("Output", scores, name="next")
    flat = sketch.add("Permute", scores, dims=[0, 2, 1])
    sketch.add("Input", column="following", shape=list(axes), dtype="int64", title="Tokens that follow")
    sketch.add("CrossEntropyLoss", flat, sketch.last, label_smoothing=smoothing)
    return edit.tidy(sketch.spec)


def shared(spec: Spec, node: str, owner: str) -> Spec:
    """Let a node use the weights of another."""
    return edit_settings.set_weights(spec, node, "share", owner)


def _positions(sketch: Sketch) -> None:
    """Sines and cosines of the positions along the axis T of N T E, half of the features each."""
    tokens = sketch.last
    sketch.add("Range", end=given("width"), step=2, dtype="float32")
    sketch.add("Affine", scale=given("-9.210340371976184 / width"), title="-ln 10000 / width")
    waves = sketch.add("Exp")
    sketch.add("Positions", tokens, dim=1)
    sketch.add("Cast", dtype="float32")
    sketch.add("Unsqueeze", dim=-1)
    angles = sketch.add("Multiply", sketch.last, waves)
    sines, cosines = sketch.add("Sin", angles), sketch.add("Cos", angles)
    sketch.add("Concat", sines, cosines, dim=-1)
    sketch.add("Add", tokens, sketch.last)


def _norm_last_layer(sketch: Sketch, *, decoder: bool = False) -> None:
    """A layer of the first Transformer: each part's result is dropped from, added and normalised."""

    def added(start: str) -> str:
        sketch.add("Dropout", p=given("dropout"))
        sketch.add("Add", start, sketch.last)
        return sketch.add("LayerNorm")

    start = sketch.last
    _attention(sketch, start, start, causal=decoder)
    start = added(start)
    if decoder:
        _attention(sketch, start, "input_2")
        start = added(start)
    sketch.add("Linear", out_features=given("4 * width"))
    sketch.add("ReLU")
    sketch.add("Linear", out_features=given("width"))
    added(start)


def transformer(vocabulary: int = 37000, width: int = 512, heads: int = 8, layers: int = 6) -> Spec:
    """The base model of "Attention Is All You Need" (Vaswani et al. 2017); all three embeddings share their weights."""
    sketch = Sketch(Spec(name="Transformer"))
    params = _layer_params(width, heads, 0.1)
    scale = (float(width**0.5), "Factor of the embedding.")

    def embed(inner: Sketch) -> None:
        inner.add("Affine", scale=given("scale"))
        inner.use("SinePositions", width=given("width"))
        inner.add("Dropout", p=given("dropout"))

    sketch.block("SinePositions", _positions, width=(width, FEATURES), doc="Adds sines and cosines of the positions.")
    sketch.block("Embed", embed, width=(width, FEATURES), scale=scale, dropout=params["dropout"])
    sketch.block("EncoderLayer", _norm_last_layer, **params)
    sketch.block("DecoderLayer", lambda inner: _norm_last_layer(inner, decoder=True), "input", "memory", **params)
    sizes: dict[str, Any] = {"num_embeddings": vocabulary, "embedding_dim": width}
    sketch.add("Input", column="source", shape=["N", "S"], dtype="int64", title="Source tokens")
    owner = sketch.add("Embedding", **sizes)
    sketch.use("Embed")
    memory = sketch.use("EncoderLayer", repeat=layers)
    sketch.add("Input", column="target", shape=["N", "T"], dtype="int64", title="Target tokens")
    embedding = sketch.add("Embedding", **sizes)
    sketch.spec = shared(sketch.spec, embedding, owner)
    sketch.use("Embed")
    sketch.use("DecoderLayer", sketch.last, memory, repeat=layers)
    return _next_token(sketch, vocabulary, owner, ("N", "T"), 0.1)


ALL: dict[Callable[..., Spec], str] = {
    resnet18: "Classifies images with 18 layers whose blocks add to what they were given.",
    resnet50: "Classifies images with 50 layers; each block narrows, looks around and widens again.",
    vgg16: "Classifies images with small filters in a deep plain chain, as in 2014.",
    mobilenet_v3_small: "Classifies images on a phone: few weights, depthwise filters, channels that are weighed.",
    vit_b16: "Classifies images as a Transformer reads text: patches of 16 by 16 pixels are its words.",
    gpt: "Writes on, token by token: a decoder of GPT-2's smallest size that shares its embedding with the head.",
    unet: "Marks what each pixel belongs to; what the way down has seen is handed to the way up.",
    transformer: "Translates: the base model of Attention Is All You Need, three embeddings with one set of weights.",
}


def example(build: Callable[..., Spec]) -> Spec:
    """The project that ships with Netloom."""
    spec = build()
    return replace(spec, name=build.__name__, extra={**spec.extra, "about": ALL[build]})


if __name__ == "__main__":  # writes the examples
    for network in ALL:
        save(example(network), FOLDER / f"{network.__name__}{SUFFIX}")
