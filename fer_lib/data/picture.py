"""Pictures from anywhere: whatever a camera, a phone or a collection writes, read the same way."""

import math
import warnings
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from fer_lib.data.faceset import SIZE
from fer_lib.errors import FerError

MEGAPIXELS = 170  # beyond this a picture is refused


def read_picture(file: Path | IO[bytes], name: str = "") -> Image.Image:
    """A picture in RGB, upright as its EXIF says; the first one of an animation, what is transparent on white.

    Args:
        file: its path, or the open file.
        name: what an error calls it; without one, its path.

    Raises:
        FerError: it is not there, no image, damaged or larger than 170 megapixels.
    """
    path = name or file
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(file) as image:
                if math.prod(image.size) > MEGAPIXELS * 1e6:
                    raise FerError(f"{path} has {math.prod(image.size) / 1e6:,.0f} megapixels; at most {MEGAPIXELS}.")
                return _rgb(ImageOps.exif_transpose(image))
    except FileNotFoundError:
        raise FerError(f"{path} is not there.") from None
    except UnidentifiedImageError:
        raise FerError(f"{path} is no image, whatever its name says.") from None
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise FerError(f"{path} cannot be read ({str(error).splitlines()[0]}).") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits a pixel, or numbers of no known range
        values = np.asarray(image, float)
        most = max(255.0, 65535.0 if values.max() > 255 else 255.0)
        return Image.fromarray((values.clip(0, most) * (255 / most)).round().astype(np.uint8)).convert("RGB")
    if "transparency" in image.info or image.mode in ("LA", "PA", "RGBA"):
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen).convert("RGB")
    return image.convert("RGB")


def middle(image: Image.Image) -> np.ndarray:
    """The middle square in grey, uint8 [48, 48]: brought to that size, or as it is where it has it."""
    grey, side = image.convert("L"), min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return np.asarray(grey.crop((left, top, left + side, top + side)).resize((SIZE, SIZE), Image.Resampling.BILINEAR))
