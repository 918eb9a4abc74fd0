"""What is wrong with columns of texts in a recipe of a table."""

from collections.abc import Iterator, Mapping, Sequence

from shardmill.recipe.names import listed
from shardmill.recipe.tabular_column import Column
from shardmill.recipe.text_rules import TextRules, Vocabulary, rules_faults


def table_text_faults(
    columns: Mapping[str, Column],
    rules: tuple[TextRules | None, Vocabulary | None],
    groups: Sequence[str],
) -> Iterator[str]:
    """Yield the faults of columns of texts, and of the rules for them.

    Args:
        columns: The columns of the table.
        rules: How the texts become tokens, and which tokens get an id; each None if the recipe does
            not say it.
        groups: The names of the groups of features.
    """
    text, vocabulary = rules
    texts = [name for name, column in columns.items() if column.dtype == "text"]
    for name in texts:
        if more := sorted(columns[name].said() - {"dtype", "drop"}):
            yield f"columns.{name}: a text has no key but dtype and drop, unlike {listed(more)}"
    kept = [name for name in texts if not columns[name].drop]
    for name in sorted({*kept} & {*(groups or ["features"])}):
        yield f"columns.{name}: a text may not be called like a group of features"
    for table, said in (("text", text), ("vocabulary", vocabulary)):
        if said is not None and not kept:
            yield f'{table}: needs a column of dtype = "text"'
    # Either would be known before the rows, and a table learns from its rows.
    if text is not None and text.tokenizer_file is not None:
        yield "text.tokenizer_file: is for recipes of texts; a table learns its tokens"
    if vocabulary is not None and vocabulary.from_artifact is not None:
        yield "vocabulary.from: is for recipes of texts; a table learns its tokens"
    yield from rules_faults(text or TextRules(), vocabulary or Vocabulary())
