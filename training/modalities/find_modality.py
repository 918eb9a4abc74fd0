"""Finds the modality of a kind."""

from collections.abc import Mapping

from shardmill.training.modalities import image, tabular, text
from shardmill.training.modalities.modality import Modality

_MODALITIES: Mapping[str, Modality] = {"tabular": tabular, "image": image, "text": text}


def find_modality(kind: str) -> Modality:
    """Return what training knows of a kind of dataset."""
    return _MODALITIES[kind]
