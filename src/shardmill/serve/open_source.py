"""Opens raw files to predict, which may be compressed, pipes or stdin."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from shardmill.errors import EncodingError, ImageShapeError, InputError, NotAFileError
from shardmill.format.layout import Field
from shardmill.kinds.find_kind import find_kind
from shardmill.raw.array_header import ArrayHeader
from shardmill.raw.array_source import ArraySource
from shardmill.raw.decompress import file_stat
from shardmill.raw.folder_source import FolderSource
from shardmill.raw.image_folder import ENDINGS
from shardmill.raw.image_form import ImageForm
from shardmill.raw.raw_files import RawContent
from shardmill.raw.read_images import form_to_predict
from shardmill.raw.row_source import RowSource
from shardmill.raw.sources import file_format, file_source
from shardmill.recipe.image_recipe import ImageRecipe
from shardmill.serve.preprocessor import Preprocessor


@contextmanager
def reworded(preprocessor: Preprocessor) -> Iterator[None]:
    """Reword errors that mention the recipe, which the user of a model may never have seen."""
    try:
        yield
    except InputError as error:
        if "recipe" not in error.fix:
            raise
        fix = "correct the file: what the model takes is fixed"
        if isinstance(error, EncodingError):
            fix = f"convert the file to {preprocessor.recipe.encoding()}"
        facts = {"expected": error.expected, "found": error.found, "fix": fix}
        raise type(error)(error.where, **facts) from None


@contextmanager
def open_source(preprocessor: Preprocessor, path: Path, keep: Sequence[str]) -> Iterator[RowSource]:
    """Give the rows of a raw file to predict.

    Args:
        preprocessor: The preprocessor of the recipe that the file is like.
        path: The raw file, or a folder of images. A pipe is copied first, and - is stdin.
        keep: The columns that are wanted beside the inputs.

    Raises:
        InputError: The file is not what the recipe says.
    """
    recipe = preprocessor.recipe
    with TemporaryDirectory(prefix="shardmill-") as folder:
        name = Path("stdin") if str(path) == "-" else path
        if str(path) == "-" or path.is_fifo():
            path = _spooled(path, Path(folder))
        file_stat(path)  # raises if there is no such file
        if isinstance(recipe, ImageRecipe) and (path.is_dir() or _is_image(path)):
            of_model = _form(path, recipe, preprocessor.fitted.inputs[0])
            yield FolderSource.to_predict(path, of_model, named="file" in keep)
            return
        _check_file(path)
        form = file_format(recipe, path)
        encoding = recipe.encoding() if form == "csv" else None
        file = replace(RawContent.unhashed(path, Path(folder) / "plain", encoding), path=name)
        columns = find_kind(recipe).source_columns(recipe).with_others(keep)
        source = file_source(recipe, file, columns, form=form)
        if isinstance(source, ArraySource) and isinstance(recipe, ImageRecipe):
            _check_shape(name, source.header, recipe, preprocessor.fitted.inputs[0])
        yield source


def _spooled(path: Path, folder: Path) -> Path:
    """Return a copy of stdin or of a pipe, which can be read more than once."""
    copy = folder / ("stdin" if str(path) == "-" else path.name)
    with ExitStack() as stack:
        stdin = str(path) == "-"
        given = sys.stdin.buffer if stdin else stack.enter_context(path.open("rb"))
        shutil.copyfileobj(given, stack.enter_context(copy.open("wb")))
    return copy


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise NotAFileError(
            path,
            expected="a file",
            found="a folder" if path.is_dir() else "a device",
            fix="give the path of a raw file",
        )


def _is_image(path: Path) -> bool:
    return path.is_file() and path.suffix.lower() in ENDINGS


def _form(path: Path, recipe: ImageRecipe, field: Field) -> ImageForm:
    try:
        if field.dtype != "uint8":
            raise ValueError("images are uint8")
        return form_to_predict(recipe, field.shape)
    except ValueError:
        raise ImageShapeError(
            path,
            expected=f"arrays of {field.dtype} {list(field.shape)}",
            found="images in files of their own",
            fix="give a file of arrays like those that the model was trained on",
        ) from None


def _check_shape(path: Path, header: ArrayHeader, recipe: ImageRecipe, field: Field) -> None:
    shape = header.shape[1:]
    if (recipe.stored_shape(shape), header.dtype.name) != (field.shape, field.dtype):
        raise ImageShapeError(
            path,
            expected=f"rows of {field.dtype} {list(recipe.raw_shapes(field.shape)[-1])}",
            found=f"rows of {header.dtype.name} {list(shape)}",
            fix="give a file of images like those that the model was trained on",
        )
