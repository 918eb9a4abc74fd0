"""Writes the vocabulary of an artifact, and the files by which other tools know it."""

from shardmill.format.manifest import VocabularyRecord
from shardmill.kinds.row import Fitted
from shardmill.pipeline.builds.generation import Generation
from shardmill.recipe.text_recipe import TextRecipe
from shardmill.text.load_vocab import vocab_bytes
from shardmill.text.tokenizer_config import CONFIG_NAME, tokenizer_config
from shardmill.text.vocab import Vocab
from shardmill.text.write_tokenizer import tokenizer_json


def write_vocabulary(
    recipe: TextRecipe, fitted: Fitted, vocab: Vocab, generation: Generation
) -> VocabularyRecord:
    """Write vocab.txt, unless there is a tokenizer, tokenizer.json and its configuration.

    Args:
        recipe: The recipe of the texts.
        fitted: What was learnt from the train rows.
        vocab: Its vocabulary.
        generation: The generation to write into.
    """
    record = None
    if fitted.tokenizer is None:
        record = generation.write("vocab.txt", vocab_bytes(vocab))
        tokenizer = tokenizer_json(recipe, vocab, unknown=fitted.unknown)
    else:
        tokenizer = fitted.tokenizer.encode()
    config = tokenizer_config(tokenizer, unknown=fitted.unknown, padding=fitted.padding)
    return VocabularyRecord(
        tokens=len(vocab),
        unknown=fitted.unknown,
        padding=fitted.padding,
        padding_id=fitted.padding_id(),
        vocab=record,
        tokenizer=generation.write("tokenizer.json", tokenizer),
        tokenizer_config=generation.write(CONFIG_NAME, config),
        unicode=recipe.unicode_version(),
    )
