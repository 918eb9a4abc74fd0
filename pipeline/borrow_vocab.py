"""Takes the vocabulary of another artifact: for new data of the same kind, or for transfer."""

from dataclasses import dataclass
from pathlib import Path

from shardmill.errors import AgreementError
from shardmill.manifest import Manifest, VocabularyRecord
from shardmill.recipe import AnyRecipe
from shardmill.text_recipe import TextRecipe


@dataclass(frozen=True, slots=True)
class Borrowed:
    """A vocabulary, and the artifact whose it is."""

    artifact: Path
    record: VocabularyRecord


def borrow(recipe: AnyRecipe, artifacts: Path) -> Borrowed | None:
    """Return the vocabulary that a recipe takes from an artifact in the folder `artifacts`.

    Raises:
        ArtifactError: there is no such artifact, it has no vocabulary of words, or its texts were
            cleaned or tokenised in another way, so that its tokens would not be found.
    """
    if not isinstance(recipe, TextRecipe) or recipe.vocabulary.from_artifact is None:
        return None
    artifact = artifacts / recipe.vocabulary.from_artifact
    manifest = Manifest.load(artifact)
    if manifest.vocabulary is None or manifest.vocabulary.vocab is None:
        raise _disagreement(artifact, "a vocabulary of words", f"an artifact of {manifest.kind}")
    text = manifest.recipe["text"]
    ours = {"clean": list(recipe.text.clean), "tokenizer": recipe.text.tokenizer}
    theirs = {key: text[key] for key in ours}
    if theirs != ours:
        raise _disagreement(artifact, f"texts with {ours}, as {recipe.name} has them", str(theirs))
    return Borrowed(artifact, manifest.vocabulary)


def _disagreement(artifact: Path, expected: str, found: str) -> AgreementError:
    fix = "correct text or vocabulary.from in the recipe"
    return AgreementError(artifact, expected=expected, found=found, fix=fix)
