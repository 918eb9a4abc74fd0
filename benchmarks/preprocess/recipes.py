"""Raw folders and recipes of what is built."""

from dataclasses import dataclass
from pathlib import Path

from load.raw_data import write_mnist
from preprocess.image_rows import write_image_rows
from preprocess.job import TEXT_FILE
from preprocess.table_rows import COLUMNS, write_table_rows
from preprocess.text_rows import write_text_rows

# As the shipped recipe of AG News, without a test split and what is known of the published file.
_TEXT = f"""\
name = "ag_news"
kind = "text"

[csv]
header = false

[text]
columns = ["class", "title", "description"]
join = ["title", "description"]
clean = ["alphanumeric", "lowercase"]
tokenizer = "basic_english"

[target]
column = "class"
classes = ["World", "Sports", "Business", "Sci/Tech"]
first = 1

[vocabulary]
specials = ["<unk>", "<pad>"]
unknown = "<unk>"
padding = "<pad>"
min_freq = 1
order = "frequency"

[splits.train.csv]
path = "{TEXT_FILE}"
"""

_IMAGES = """\
name = "images"
kind = "image"

[target]
classes = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]

[splits.train]
images = { path = "images.idx" }
labels = { path = "labels.idx" }
"""

_TABLE = """\
name = "numbers"
kind = "tabular"

[columns]
{columns}
label = {{ dtype = "str" }}

[target]
column = "label"
classes = ["no", "yes"]

[splits.train.csv]
path = "numbers.csv"
"""


@dataclass(frozen=True, slots=True)
class Source:
    """Raw files and how to read them.

    Attributes:
        kind: `text`, `images` or `table`.
        rows: of all files.
        raw: their folder.
        recipe: the name or the path of a recipe.
    """

    kind: str
    rows: int
    raw: Path
    recipe: str

    @property
    def raw_bytes(self) -> int:
        """Bytes of all raw files."""
        return sum(path.stat().st_size for path in self.raw.rglob("*") if path.is_file())


def text_source(real: Path, folder: Path, *, rows: int) -> Source:
    """Write a file of texts and its recipe into `folder`.

    Args:
        real: the folder of real raw files.
        folder: where to write.
        rows: how many.
    """
    write_text_rows(real / TEXT_FILE, folder / "raw" / TEXT_FILE, rows=rows)
    return _source("text", rows, folder, _TEXT)


def idx_source(real: Path, folder: Path, *, rows: int) -> Source:
    """Write an IDX file of images, one of labels and their recipe; arguments as above."""
    write_image_rows(real / "mnist", folder / "raw", rows=rows)
    return _source("images", rows, folder, _IMAGES)


def table_source(folder: Path, *, rows: int) -> Source:
    """Write a CSV file of 32 numbers a row and its recipe; arguments as above."""
    write_table_rows(folder / "raw" / "numbers.csv", rows=rows)
    columns = "\n".join(f'{name} = {{ dtype = "float64" }}' for name in COLUMNS)
    return _source("table", rows, folder, _TABLE.format(columns=columns))


def mnist_source(real: Path, folder: Path, *, rows: int | None) -> Source:
    """Copy the four files of MNIST, the train file cut to `rows` where a number is given."""
    write_mnist(real / "mnist", folder / "raw" / "mnist", rows)
    return Source("images", (60_000 if rows is None else rows) + 10_000, folder / "raw", "mnist")


def _source(kind: str, rows: int, folder: Path, recipe: str) -> Source:
    path = folder / f"{kind}.toml"
    path.write_text(recipe, encoding="utf-8")
    return Source(kind, rows, folder / "raw", str(path))
