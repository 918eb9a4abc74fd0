"""Reads a vocabulary that exists before any row is read: another artifact's, or a tokenizer's."""

from shardmill.kinds.row import Fitted
from shardmill.kinds.text import fitted_with
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.raw.raw_files import read_known
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text.encode_texts import check_tokenizer
from shardmill.text.load_vocab import load_vocab
from shardmill.text.tokenizer_file import read_tokenizer


def existing_vocab(plan: Plan) -> Fitted | None:
    """Return what is known without the train rows; None if the train rows teach the vocabulary.

    Raises:
        TokenizerFileError: The recipe names a tokenizer.json, and the file is something else.
        MissingLibraryError: The library that encodes with the tokenizer.json is not installed.
        DamagedFileError: The vocabulary of the other artifact is not the one that was written.
        InputError: The tokenizer.json has changed since the build was planned.
    """
    if plan.borrowed is not None:
        record = plan.borrowed.record
        vocab = load_vocab(plan.borrowed.artifact, record)
        return fitted_with(vocab, record.unknown, record.padding)
    recipe = plan.recipe
    if not isinstance(recipe, TextRecipe) or recipe.text.tokenizer_file is None:
        return None
    (raw,) = plan.raw[recipe.text.tokenizer_file.path]
    content = read_known(raw)
    facts = read_tokenizer(content, where=raw.path)
    check_tokenizer(content.decode(), where=raw.path)
    return fitted_with(facts.vocab, facts.unknown, facts.padding, content.decode())
