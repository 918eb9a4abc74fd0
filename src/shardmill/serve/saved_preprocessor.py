"""Reads and writes preprocessor.json: a recipe and what was learnt, without the artifact.

For texts, vocab.txt lies beside it, or the tokenizer.json that was brought along or learnt.
"""

import json
import unicodedata
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import xxhash
from pydantic import Field as Constraint, ValidationError, model_validator

from shardmill.errors import ManifestError
from shardmill.format.layout import Field
from shardmill.format.manifest import (
    FileRecord,
    Kind,
    Statistics,
    VocabularyRecord,
)
from shardmill.format.read_checked import read_checked
from shardmill.format.record import read_record, to_json
from shardmill.kinds.check_fitted import fitted_faults
from shardmill.kinds.row import Fitted, unknown_id_of
from shardmill.recipe.any_recipe import RECIPE_KINDS, AnyRecipe
from shardmill.strict import Strict, describe_faults
from shardmill.text.load_vocab import load_vocab, vocab_bytes

PREPROCESSOR_NAME = "preprocessor.json"
PREPROCESSOR_VERSION = 1
# The warning points at the line that loads the artifact or model.
_STACK_LEVEL = 4
_FIX = "copy the folder anew, or save the preprocessor again"


class SavedVocabulary(Strict):
    """The file of the vocabulary, which is one of two, and its special tokens.

    Attributes:
        unknown: The token that stands for unknown tokens.
        padding: The token that fills up short texts.
        vocab: The file vocab.txt, unless there is a tokenizer.
        tokenizer: The file tokenizer.json that was brought along or learnt. It has the tokens too.
        unicode: The version of Unicode by which texts were cleaned; see `VocabularyRecord`.
    """

    unknown: str | None
    padding: str | None
    vocab: FileRecord | None
    tokenizer: FileRecord | None
    unicode: str | None = None

    @model_validator(mode="after")
    def _is_one_file(self) -> Self:
        if (self.vocab is None) == (self.tokenizer is None):
            raise ValueError("either vocab or tokenizer is there")
        return self


class SavedPreprocessor(Strict):
    """The content of preprocessor.json. Keys that a manifest has too mean the same as there."""

    format: Literal["shardmill-preprocessor"] = "shardmill-preprocessor"
    version: Annotated[int, Constraint(ge=1)] = PREPROCESSOR_VERSION
    kind: Kind
    recipe: dict[str, Any]
    inputs: Annotated[tuple[Field, ...], Constraint(min_length=1)]
    features: tuple[str, ...]
    statistics: dict[str, Statistics]
    vocabulary: SavedVocabulary | None


def write_preprocessor(folder: Path, recipe: AnyRecipe, fitted: Fitted) -> tuple[str, ...]:
    """Write preprocessor.json and the vocabulary into a folder, and return the files' names."""
    vocabulary = _write_vocabulary(folder, fitted)
    saved = SavedPreprocessor(
        kind=recipe.kind,
        recipe=recipe.facts(),
        inputs=fitted.inputs,
        features=fitted.features,
        statistics=dict(fitted.statistics),
        vocabulary=vocabulary,
    )
    (folder / PREPROCESSOR_NAME).write_bytes(to_json(saved))
    file = None if vocabulary is None else vocabulary.vocab or vocabulary.tokenizer
    return (PREPROCESSOR_NAME,) if file is None else (PREPROCESSOR_NAME, file.path)


def _write_vocabulary(folder: Path, fitted: Fitted) -> SavedVocabulary | None:
    if fitted.vocab is None:
        return None
    name, content = "vocab.txt", vocab_bytes(fitted.vocab)
    if fitted.tokenizer is not None:
        name, content = "tokenizer.json", fitted.tokenizer.encode()
    (folder / name).write_bytes(content)
    digest = xxhash.xxh3_128_hexdigest(content)
    file = FileRecord(path=name, bytes=len(content), xxh3_128=digest)
    own = fitted.tokenizer is not None
    return SavedVocabulary(
        unknown=fitted.unknown,
        padding=fitted.padding,
        vocab=None if own else file,
        tokenizer=file if own else None,
        unicode=fitted.unicode,
    )


def read_preprocessor(folder: Path) -> tuple[AnyRecipe, Fitted]:
    """Return what `write_preprocessor` has written.

    Raises:
        ArtifactError: A file is missing or damaged, or a newer version of shardmill wrote it.
    """
    path = folder / PREPROCESSOR_NAME
    saved = read_record(path, SavedPreprocessor, version=PREPROCESSOR_VERSION, fix=_FIX)
    recipe = parse_saved(path, saved.kind, saved.recipe, fix=_FIX)
    fitted = Fitted(saved.inputs, saved.features, saved.statistics)
    if saved.vocabulary is not None:
        fitted = with_vocabulary(fitted, folder, saved.vocabulary, fix=_FIX)
    check_fitted(path, recipe, fitted, fix=_FIX)
    return recipe, fitted


def check_fitted(where: object, recipe: AnyRecipe, fitted: Fitted, *, fix: str) -> None:
    """Compare what was learnt with the recipe that it was learnt for.

    Raises:
        ManifestError: They do not belong together.
    """
    if faults := "; ".join(fitted_faults(recipe, fitted)):
        expected = "what can be learnt for the recipe"
        raise ManifestError(where, expected=expected, found=faults, fix=fix)


def parse_saved(where: object, kind: Kind, recipe: dict[str, Any], *, fix: str) -> AnyRecipe:
    """Return the recipe that a manifest or preprocessor.json holds.

    Raises:
        ManifestError: What it holds is no valid recipe.
    """
    model = RECIPE_KINDS[kind]
    try:
        return model.model_validate_json(json.dumps(recipe))
    except ValidationError as error:
        found = "; ".join(describe_faults(model, error))
        expected = f"a valid {kind} recipe"
        raise ManifestError(where, expected=expected, found=found, fix=fix) from None


def with_vocabulary(
    fitted: Fitted, folder: Path, record: VocabularyRecord | SavedVocabulary, *, fix: str
) -> Fitted:
    """Return what was learnt, completed by the vocabulary in a folder.

    A warning says so if texts were cleaned by another version of Unicode than this Python's.

    Raises:
        DamagedFileError: The file of the vocabulary is missing, or is not the one that was written.
    """
    if record.unicode not in (None, unicodedata.unidata_version):
        warnings.warn(
            f"{folder}: texts were cleaned and cut into tokens by Unicode {record.unicode}, and "
            f"this Python has {unicodedata.unidata_version}; characters that are new or changed "
            f"there may get other ids. Build it again, or use the Python that built it.",
            stacklevel=_STACK_LEVEL,
        )
    tokenizer = None
    if record.vocab is None and record.tokenizer is not None:
        content = read_checked(folder, record.tokenizer, fix=fix)
        # The library that encodes texts refuses more than what reads the tokens.
        tokenizer = content.decode(errors="replace")
    vocab = load_vocab(folder, record, fix=fix)
    return replace(
        fitted,
        vocab=vocab,
        unknown_id=unknown_id_of(vocab, record.unknown),
        unknown=record.unknown,
        padding=record.padding,
        tokenizer=tokenizer,
        unicode=record.unicode,
    )
