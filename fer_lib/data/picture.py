"""Pictures from anywhere: a file, its bytes, an open image or an array, all read the same way."""

import functools
import importlib
import io
import math
import warnings
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError

MEGAPIXELS = 170  # beyond this a picture is refused
CHANNELS = ("RGB", "BGR", "RGBA", "BGRA")
_ORIENTATION = 0x0112  # EXIF's tag
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip  # what undoes each value of the tag

# of what Pillow finds odd, and reads all the same; here and not around a call, which threads would share
warnings.filterwarnings("ignore", module="PIL")


def read_picture(source: Any, name: str = "", *, channels: str = "") -> Image.Image:
    """A picture in RGB, upright as its EXIF says; the first one of an animation, what is transparent on white.

    Args:
        source: a path, an open file, bytes, a PIL image, an array [H, W], [H, W, 3] or [H, W, 4], or a tensor [H, W] or
            [C, H, W]; numbers are from 0 to 1, 0 to 255 or 0 to 65535.
        name: what an error calls it; without one, its path.
        channels: their order in an array of three or four (`CHANNELS`). A tensor is RGB unless it says otherwise.

    Raises:
        FerError: it is not there, no image, damaged, empty or larger than 170 megapixels.
    """
    name = name or (str(source) if isinstance(source, str | Path) else "the picture")
    try:
        if isinstance(source, Image.Image):
            return _rgb(source, name)
        if isinstance(source, np.ndarray):
            return _rgb(_from_array(source, name, channels), name)
        if hasattr(source, "permute"):  # without importing torch
            return _rgb(_from_tensor(source, name, channels), name)
        if isinstance(source, bytes | bytearray | memoryview):
            source = io.BytesIO(source)
        elif not isinstance(source, str | Path) and not hasattr(source, "read"):
            raise FerError(
                f"{name} is a {type(source).__name__}; expected a path, bytes, a PIL image, an array or a tensor."
            )
        _more_formats()
        with Image.open(source) as image:
            return _rgb(image, name)
    except FerError:
        raise
    except FileNotFoundError:
        raise FerError(f"{name} is not there.") from None
    except IsADirectoryError:
        raise FerError(f"{name} is a folder; name a picture in it.") from None
    except UnidentifiedImageError:
        heif = ": it is HEIC, which is read once this is installed: pip install pillow-heif"
        known = heif if _is_heif(source) else ", whatever its name says"
        raise FerError(f"{name} is no image that can be read{known}.") from None
    except Exception as error:  # decoders raise what they like of a damaged file
        what = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise FerError(f"{name} cannot be read ({what}).") from error


@functools.cache
def _more_formats() -> None:
    with suppress(ImportError):
        importlib.import_module("pillow_heif").register_heif_opener()


def _is_heif(source: str | Path | IO[bytes]) -> bool:
    with suppress(OSError, ValueError, AttributeError):
        if isinstance(source, str | Path):
            source = io.BytesIO(Path(source).read_bytes()[:16])
        source.seek(0)
        return source.read(12)[4:] in (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")
    return False


def _rgb(image: Image.Image, name: str) -> Image.Image:
    if not min(image.size):
        raise FerError(f"{name} has no pixels ({image.width}×{image.height}).")
    if math.prod(image.size) > MEGAPIXELS * 1e6:
        raise FerError(f"{name} has {math.prod(image.size) / 1e6:,.0f} megapixels; at most {MEGAPIXELS}.")
    upright = _UPRIGHT.get(_orientation(image))
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a pixel, or numbers of no known range
        image = Image.fromarray(_eight_bits(np.asarray(image), name))
    elif "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        seen = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    image = image.convert("RGB") if upright is None else image.convert("RGB").transpose(upright)
    image.info = {}  # upright now, so whoever reads it again must not turn it
    return image


def _orientation(image: Image.Image) -> Any:
    """EXIF's orientation, if it can be read; the other fields may be as odd as they like."""
    with suppress(Exception):
        return image.getexif().get(_ORIENTATION)
    return None


def _from_array(values: np.ndarray, name: str, channels: str) -> Image.Image:
    if channels and channels not in CHANNELS:
        raise FerError(f"channels: {channels!r} is unknown; choose one of {', '.join(CHANNELS)}.")
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.ndim not in (2, 3) or (values.ndim == 3 and values.shape[2] not in (3, 4)):
        raise FerError(f"{name}: found {values.dtype} {[*values.shape]}, expected [H, W], [H, W, 3] or [H, W, 4].")
    if not values.size:
        raise FerError(f"{name} has no pixels ({values.shape[1]}×{values.shape[0]}).")
    eight = _eight_bits(values, name)
    if values.ndim == 2:
        return Image.fromarray(eight)
    if len(channels) != values.shape[2]:
        both = CHANNELS[:2] if values.shape[2] == 3 else CHANNELS[2:]
        raise FerError(
            f"{name} has {values.shape[2]} channels in an order that nobody can see.\n"
            f"Say which: channels='{both[0]}' (PIL, matplotlib) or channels='{both[1]}' (OpenCV)."
        )
    ordered = eight[..., [2, 1, 0, *range(3, values.shape[2])]] if channels.startswith("B") else eight
    return Image.fromarray(np.ascontiguousarray(ordered))


def _from_tensor(values: Any, name: str, channels: str) -> Image.Image:
    values = values.detach().cpu()
    if values.is_floating_point():
        values = values.float()
    if values.ndim == 3:
        values = values.permute(1, 2, 0)
    usual = {3: "RGB", 4: "RGBA"}.get(values.shape[-1], "") if values.ndim == 3 else ""
    return _from_array(values.numpy(), name, channels or usual)


def _eight_bits(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers from 0 to 1 (of a float type), 0 to 255 or 0 to 65535 as uint8."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "buif":
        raise FerError(f"{name} is an array of {values.dtype}, expected numbers.")
    if values.dtype == bool:
        return values.astype(np.uint8) * 255
    least, most = float(values.min()), float(values.max())
    real = values.dtype.kind == "f"
    if not (least >= 0 and most <= 65535) or (real and 1 < most <= 2):  # NaN, too; and what a resampling overshot
        raise FerError(f"{name} has numbers from {least:g} to {most:g}, expected 0 to 1, 0 to 255 or 0 to 65535.")
    unit = most <= 1 and real
    scale = 255 if unit else 1 if most <= 255 else 255 / 65535
    return (values.astype(float) * scale).round().astype(np.uint8)


def center_square(image: Image.Image) -> np.ndarray:
    """The middle square in grey, uint8 [48, 48]: brought to that size, or as it is where it has it."""
    grey, side = image.convert("L"), min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(grey.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
