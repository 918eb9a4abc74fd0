"""Makes a recipe for raw files that nobody has written one for, whatever they hold."""

from collections.abc import Sequence
from pathlib import Path

from shardmill.errors import UnclearFilesError, UnreadableFileError
from shardmill.pipeline.infer.inferred import Inferred
from shardmill.raw.decompress import open_raw
from shardmill.raw.name_format import name_format

_ARRAYS = ("an IDX file", "an array of numpy")
_NPZ = ".npz"


def infer_recipe(
    files: Sequence[Path], *, target: str | None = None, name: str | None = None
) -> Inferred:
    """Return a recipe for files, after reading all of them.

    Args:
        files: The files of one dataset: CSV, Parquet, Arrow or JSON Lines files, or arrays in IDX
            or numpy's formats; or one folder of images.
        target: The column of the target; None to find it by its name, or if there are no columns.
        name: The name of the dataset; None to call it after the file or its folder.

    Raises:
        UnclearFilesError: The files do not say what a recipe must say.
        InputError: A file cannot be read.
        MissingLibraryError: Images need a library that is not installed.
    """
    folders = [path for path in files if path.is_dir()]
    if folders:
        if len(files) > 1:
            raise UnclearFilesError(
                folders[0],
                expected="one folder of images, or files",
                found=f"{len(files)} paths",
                fix="give the folder that holds them all",
            )
        from shardmill.pipeline.infer.infer_images import infer_images

        _refuse_target(folders[0], target)
        return infer_images(folders[0], name=name)
    for path in files:
        if not path.is_file():
            raise UnreadableFileError(
                path, expected="a readable file", found="no such file", fix="check the path"
            )
    if all(_is_array(path) for path in files):
        from shardmill.pipeline.infer.infer_arrays import infer_arrays

        _refuse_target(files[0], target)
        return infer_arrays(files, name=name)
    from shardmill.pipeline.infer.infer_table import infer_table

    return infer_table(files, target=target, name=name)


def _is_array(path: Path) -> bool:
    with open_raw(path) as file:
        return name_format(file.read(512)) in _ARRAYS or path.suffix == _NPZ


def _refuse_target(path: Path, target: str | None) -> None:
    if target is not None:
        raise UnclearFilesError(
            path,
            expected="a table for --target, which names a column",
            found="images or arrays",
            fix="leave --target out: folders or files of labels are the target",
        )
