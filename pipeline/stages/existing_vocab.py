"""Reads a vocabulary that exists before any row is read: another artifact's, or a tokenizer's."""

from shardmill.format.read_checked import REBUILD, read_checked
from shardmill.kinds.row import Fitted
from shardmill.kinds.text import fitted_with
from shardmill.pipeline.builds.plan_build import Plan
from shardmill.pipeline.stages.borrow_vocab import Borrowed
from shardmill.raw.raw_files import read_known
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text.encode_texts import check_tokenizer, tokenizers_library
from shardmill.text.load_vocab import load_vocab
from shardmill.text.tokenizer_file import read_tokenizer


def existing_vocab(recipe: TextRecipe, plan: Plan) -> Fitted | None:
    """Return what is known without the train rows; None if the train rows teach the vocabulary.

    Args:
        recipe: The recipe of the plan.
        plan: What to build.

    Raises:
        TokenizerFileError: The recipe names a tokenizer.json, and the file is something else.
        MissingLibraryError: The library that learns the tokenizer.json, or encodes with it, is not
            installed.
        DamagedFileError: The vocabulary of the other artifact is not the one that was written.
        InputError: The tokenizer.json has changed since the build was planned.
    """
    if recipe.text.has_pieces:
        tokenizers_library("text.tokenizer")
    if plan.borrowed is not None:
        return _borrowed(recipe, plan.borrowed)
    if recipe.text.tokenizer_file is None:
        return None
    (raw,) = plan.raw[recipe.text.tokenizer_file.path]
    content = read_known(raw)
    facts = read_tokenizer(content, where=raw.path)
    check_tokenizer(content.decode(), where=raw.path)
    return fitted_with(recipe, facts.vocab, facts.unknown, facts.padding, content.decode())


def _borrowed(recipe: TextRecipe, borrowed: Borrowed) -> Fitted:
    record, tokenizer = borrowed.record, None
    if record.vocab is None:
        tokenizer = read_checked(borrowed.artifact, record.tokenizer, fix=REBUILD).decode()
    vocab = load_vocab(borrowed.artifact, record)
    return fitted_with(recipe, vocab, record.unknown, record.padding, tokenizer)
