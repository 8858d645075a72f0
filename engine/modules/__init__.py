"""Modules and functions that PyTorch lacks, a file a family; recipes name them as "modules.X".

They need torch and math alone, for exports copy their source, with whatever else of this package it names.
"""

from engine.modules.attention import (
    ScaledDotProductAttention,
    causal_mask,
    padding_mask,
    token_mask,
)
from engine.modules.boxes import (
    box_area,
    box_iou,
    clip_boxes,
    convert_boxes,
    decode_boxes,
    generalized_box_iou,
    grid_points,
    non_maximum_suppression,
)
from engine.modules.images import NormalizeImage, affine_grid, center_crop, grayscale
from engine.modules.positions import (
    LearnedPositions,
    add_sinusoids,
    alibi_bias,
    rotate_by_position,
    sinusoidal_embedding,
)
from engine.modules.signal import (
    ISTFT,
    MFCC,
    STFT,
    MelSpectrogram,
    Spectrogram,
    decibels,
    pre_emphasis,
)
from engine.modules.tensors import (
    Bucketize,
    Fixed,
    LearnedTensor,
    Reparameterize,
    positions,
    random_bernoulli,
    random_integer,
    random_normal,
    random_uniform,
    size_of,
    sliced,
)

__all__ = [
    "ISTFT",
    "MFCC",
    "STFT",
    "Bucketize",
    "Fixed",
    "LearnedPositions",
    "LearnedTensor",
    "MelSpectrogram",
    "NormalizeImage",
    "Reparameterize",
    "ScaledDotProductAttention",
    "Spectrogram",
    "add_sinusoids",
    "affine_grid",
    "alibi_bias",
    "box_area",
    "box_iou",
    "causal_mask",
    "center_crop",
    "clip_boxes",
    "convert_boxes",
    "decibels",
    "decode_boxes",
    "generalized_box_iou",
    "grayscale",
    "grid_points",
    "non_maximum_suppression",
    "padding_mask",
    "positions",
    "pre_emphasis",
    "random_bernoulli",
    "random_integer",
    "random_normal",
    "random_uniform",
    "rotate_by_position",
    "sinusoidal_embedding",
    "size_of",
    "sliced",
    "token_mask",
]
