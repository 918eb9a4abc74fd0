"""polars: everything by its own expressions, in its own threads."""

import numpy as np
from preprocess.job import SPECIALS, Counts, Job, count_text
from preprocess.text_per_row import vocabulary_size, write_vocabulary


def build(job: Job) -> None:
    """Write the cleaned texts and the ids as Parquet, and the vocabulary.

    A vocabulary is an enumeration here: its physical numbers are the ids.
    """
    import polars as pl

    raw = pl.read_csv(
        job.text,
        has_header=False,
        new_columns=["class", "title", "description"],
        infer_schema=False,
    )
    text = pl.concat_str("title", "description", separator=" ")
    cleaned = raw.select(
        label=pl.col("class").cast(pl.Int64) - 1,
        text=text.str.replace_all(r"[^\p{L}\p{N}]", " ").str.to_lowercase(),
    )
    tokens = cleaned.select(token=pl.col("text").str.extract_all(r"\S+"))
    counts = tokens.explode("token", empty_as_null=False).get_column("token").value_counts()
    ordered = counts.sort("count", "token", descending=[True, False])
    itos = [*SPECIALS, *ordered.get_column("token").to_list()]
    ids = tokens.select(
        ids=pl.col("token")
        .cast(pl.List(pl.Enum(itos)))
        .list.eval(pl.element().to_physical().cast(pl.Int32))
    )
    cleaned.write_parquet(job.out / "train.parquet")
    ids.with_columns(cleaned.get_column("label")).write_parquet(job.out / "ids.parquet")
    write_vocabulary(itos, job.out)


def count(job: Job) -> Counts:
    """Return what was built."""
    import polars as pl

    rows = pl.read_parquet(job.out / "ids.parquet").get_column("ids")
    flat = rows.explode(empty_as_null=False).to_numpy().astype(np.int32)
    return count_text([flat], rows=len(rows), vocabulary=vocabulary_size(job.out))
