"""Finds the vocabulary of another artifact, which a recipe may take as it is.

Two artifacts with one vocabulary can be joined, and a model of one can start from a model of the
other.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shardmill.errors import AgreementError, MissingArtifactError
from shardmill.format.manifest import FileRecord, Manifest, VocabularyRecord
from shardmill.recipe.any_recipe import AnyRecipe
from shardmill.recipe.text_recipe import TextRecipe


@dataclass(frozen=True, slots=True)
class Borrowed:
    """The vocabulary of another artifact.

    Attributes:
        artifact: The folder of the other artifact.
        record: What its manifest says of the vocabulary.
        tokens: The record of the file of tokens.
    """

    artifact: Path
    record: VocabularyRecord
    tokens: FileRecord

    def facts(self) -> list[str | None]:
        """Return what shards depend on. The place of the file is not part of it."""
        return [self.tokens.xxh3_128, self.record.unknown, self.record.padding]


def lender(recipe: AnyRecipe) -> str | None:
    """Return the name of the artifact whose vocabulary a recipe takes, or None."""
    return recipe.vocabulary.from_artifact if isinstance(recipe, TextRecipe) else None


def lenders_first(recipes: Sequence[AnyRecipe]) -> list[AnyRecipe]:
    """Return recipes in their order, except that a lender comes before those who borrow from it."""
    by_name = {recipe.name: recipe for recipe in recipes}
    ordered: dict[str, AnyRecipe] = {}
    for recipe in recipes:
        chain = {recipe.name: recipe}
        name = lender(recipe)
        while name in by_name and name not in chain:
            chain[name] = by_name[name]
            name = lender(by_name[name])
        for each in reversed(chain):
            ordered.setdefault(each, by_name[each])
    return list(ordered.values())


def borrow(recipe: AnyRecipe, artifacts: Path) -> Borrowed | None:
    """Return the vocabulary that a recipe takes from an artifact in the folder `artifacts`.

    Raises:
        MissingArtifactError: There is no such artifact.
        AgreementError: The artifact has no vocabulary that was learnt, or its texts were cleaned or
            cut into tokens in another way, so that its tokens would not be found.
    """
    name = lender(recipe)
    if name is None or not isinstance(recipe, TextRecipe):
        return None
    artifact = artifacts / name
    try:
        manifest = Manifest.load(artifact)
    except MissingArtifactError:
        raise MissingArtifactError(
            artifact,
            expected=f"an artifact, whose vocabulary {recipe.name} takes",
            found="none",
            fix=f"build {name} first, or correct vocabulary.from in the recipe",
        ) from None
    record = manifest.vocabulary
    if record is None:
        found = f"an artifact of kind {manifest.kind}"
        raise _disagreement(artifact, "an artifact of kind text", found)
    lender_recipe = TextRecipe.model_validate_json(json.dumps(manifest.recipe))
    if lender_recipe.text.tokenizer_file is not None:
        raise _disagreement(artifact, "a vocabulary of words", "that of a tokenizer_file")
    theirs, ours = _how_cut(lender_recipe), _how_cut(recipe)
    if theirs != ours:
        raise _disagreement(artifact, f"texts with {ours}, as {recipe.name} has them", theirs)
    return Borrowed(artifact, record, record.vocab or record.tokenizer)


def _how_cut(recipe: TextRecipe) -> str:
    return f"clean {list(recipe.text.clean)} and tokenizer {recipe.text.tokenizer}"


def _disagreement(artifact: Path, expected: str, found: str) -> AgreementError:
    fix = "correct text or vocabulary.from in the recipe"
    return AgreementError(artifact, expected=expected, found=found, fix=fix)
