"""Makes a recipe for a folder of images, in which each class has a folder."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from shardmill.errors import UnclearFilesError
from shardmill.pipeline.infer.guess import Guess
from shardmill.pipeline.infer.guess_splits import FEWEST_ROWS, held_out, name_of, split_of
from shardmill.pipeline.infer.inferred import Inferred
from shardmill.pipeline.infer.write_recipe import RecipeParts
from shardmill.raw.decode_image import pillow
from shardmill.raw.image_folder import ENDINGS, ImageList, list_images

_MOST_CLASSES = 1_000
_LARGEST = 224  # the side that networks for images usually take
_GREY = {"1", "L", "LA"}
_CLEAR = {"LA", "RGBA", "PA"}


class _Forms(NamedTuple):
    """What images look like.

    Attributes:
        sizes: How many images have each height and width, with their sides as they are shown.
        modes: How many have each mode of Pillow.
    """

    sizes: Counter[tuple[int, int]]
    modes: Counter[str]


def infer_images(folder: Path, *, name: str | None = None) -> Inferred:
    """Return a recipe for a folder of images, after a look at the head of each.

    Args:
        folder: A folder with a folder of images for each class, or with such folders called train,
            validation and test.
        name: The name of the dataset; None for that of the folder.

    Raises:
        UnclearFilesError: The folder holds no such folders.
        ImageFileError: The folder holds other files, or images beside the folders of the classes.
        MissingLibraryError: Pillow is not installed.
    """
    own = folder.resolve()
    named = {split_of(Path(child.name)): child for child in sorted(own.iterdir()) if child.is_dir()}
    splits = {split: child for split, child in named.items() if split is not None}
    if "train" not in splits:
        splits = {"train": own}
    raw = own.parent
    lists = {split: list_images(path) for split, path in splits.items()}
    _check(folder, lists["train"])
    forms = _forms(lists)
    parts = RecipeParts(name=name or name_of([own / "x", own / "y"]), kind="image")
    classes = sorted(lists["train"].classes())
    few = len(classes) <= _MOST_CLASSES
    parts.target = Guess({"classes": classes if few else "learn"})
    parts.image = [_size(forms), _channels(forms), _background(forms)]
    for split, path in splits.items():
        lists[split].check_alone()
        relative = path.relative_to(raw).as_posix()
        parts.splits[split] = Guess({"folder": {"path": relative}})
    if len(lists["train"].images) >= FEWEST_ROWS:
        parts.splits |= held_out(splits)
    return Inferred.of(parts, folder.parent if own == folder.absolute() else raw)


def _check(folder: Path, images: ImageList) -> None:
    if not images.images:
        raise UnclearFilesError(
            folder,
            expected=f"folders of images ({', '.join(ENDINGS)}), one for each class",
            found="no image",
            fix="check the path",
        )
    if all("/" not in path for path, _ in images.images):
        raise UnclearFilesError(
            folder,
            expected="a folder for each class, with its images",
            found="images beside each other",
            fix="move them into folders that have the names of classes",
        )


def _forms(lists: Mapping[str, ImageList]) -> _Forms:
    image = pillow()
    forms = _Forms(Counter(), Counter())
    for images in lists.values():
        for path, _ in images.images:
            try:
                with image.open(images.folder / path) as found:
                    turned = found.getexif().get(0x0112, 1) in (5, 6, 7, 8)
                    height, width = found.size if turned else found.size[::-1]
                    forms.sizes[height, width] += 1
                    forms.modes[found.mode] += 1
            except OSError:
                continue  # the build says which image is damaged, and why
    return forms


def _size(forms: _Forms) -> Guess:
    if len(forms.sizes) <= 1:
        return Guess()
    heights, widths = (sorted(side) for side in zip(*forms.sizes.elements(), strict=True))
    size = [min(_LARGEST, sides[len(sides) // 2]) for sides in (heights, widths)]
    (low, left), (high, right) = min(forms.sizes), max(forms.sizes)
    reason = (
        f"images are from {low} x {left} to {high} x {right}; crop takes the middle, stretch and "
        f"pad keep all of an image"
    )
    return Guess({"size": size, "resize": "crop"}, reason)


def _channels(forms: _Forms) -> Guess:
    grey = sum(count for mode, count in forms.modes.items() if mode in _GREY)
    if grey in (0, forms.modes.total()):
        return Guess({"channels": "grey" if grey else "rgb"})
    return Guess({"channels": "rgb"}, f"{grey:,} of {forms.modes.total():,} images are grey")


def _background(forms: _Forms) -> Guess:
    clear = sum(count for mode, count in forms.modes.items() if mode in _CLEAR)
    if not clear and not forms.modes["P"]:
        return Guess()
    return Guess({"background": "white"}, "some images may be transparent; black is possible, too")
