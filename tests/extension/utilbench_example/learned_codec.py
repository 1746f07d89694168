"""A learned codec: an autoencoder whose latents are whole numbers, entropy coded into a real bitstream.

A stand-in for codecs such as CompressAI's, with random weights in place of trained ones: a convolution of 4 x 4 px to 48
channels whose matrix is a random rotation, and its transpose as the decoder. A level sets the step of the quantiser, which
level 8 has finest. A bitstream is the size of the image and the level, then the latents as bytes, compressed by zlib.
"""

import functools
import hashlib
import struct
import zlib

import numpy as np
import torch

from benchmark import Distortion

PATCH, CHANNELS = 4, 48
FINEST, LEVELS = 0.03, range(1, 9)
HEADER = struct.Struct("<HHB")


@functools.cache
def weights():
    """The rotation, float64 (48, 3, 4, 4): in double precision no rounding of a latent depends on threads or processor."""
    random = torch.Generator().manual_seed(2026)
    matrix = torch.randn(CHANNELS, CHANNELS, generator=random, dtype=torch.float64)
    rotation, _ = torch.linalg.qr(matrix)
    return rotation.reshape(CHANNELS, 3, PATCH, PATCH)


def encoder():
    """Weights, by a digest of their rounded values, and the libraries."""
    rounded = (weights() * 1e6).round().to(torch.int32).numpy()
    return f"autoencoder {hashlib.sha256(rounded.tobytes()).hexdigest()[:8]}, zlib {zlib.ZLIB_RUNTIME_VERSION}"


def step(level):
    """Step of the quantiser."""
    return FINEST * 2.0 ** (LEVELS[-1] - level)


@torch.inference_mode()
def encode(image, level, random):
    """The bitstream of an image, uint8 (H, W, 3), at a level; sides are padded to whole patches."""
    height, width = image.shape[:2]
    padded = np.pad(image, ((0, -height % PATCH), (0, -width % PATCH), (0, 0)), mode="edge")
    batch = torch.from_numpy(padded).permute(2, 0, 1)[None].double() / 255 - 0.5
    latents = torch.nn.functional.conv2d(batch, weights(), stride=PATCH)
    whole = (latents / step(level)).round().clamp(-127, 127).to(torch.int8)
    return HEADER.pack(height, width, level) + zlib.compress(whole.numpy().tobytes(), 9)


@torch.inference_mode()
def decode(bitstream):
    """The image, uint8 (H, W, 3), of a bitstream."""
    height, width, level = HEADER.unpack_from(bitstream)
    rows, columns = -(-height // PATCH), -(-width // PATCH)
    whole = np.frombuffer(zlib.decompress(bitstream[HEADER.size :]), np.int8).reshape(1, CHANNELS, rows, columns)
    latents = torch.from_numpy(whole.copy()).double() * step(level)
    batch = torch.nn.functional.conv_transpose2d(latents, weights(), stride=PATCH)
    pixels = ((batch[0].permute(1, 2, 0) + 0.5) * 255).round().clamp(0, 255).to(torch.uint8)
    return pixels[:height, :width].numpy()


AUTOENCODER = Distortion("autoencoder", encode, decode, encoder, LEVELS, is_slow=True, longest_side=65_535)
