"""Reads settings from a TOML file with tables for artifacts or kinds, and from KEY=VALUE words."""

import tomllib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shardmill.errors import SettingsError
from shardmill.faults import hint
from shardmill.format.manifest import Manifest
from shardmill.strict import describe_faults
from shardmill.training.objectives.measures import Task
from shardmill.training.settings.model_options import ARCHITECTURES
from shardmill.training.settings.settings import BASELINES, BASES, FOR_NUMBERS, Settings

FIX = "correct the settings; docs/reference/training.md lists the keys"


def load_settings_file(path: Path, artifacts: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the tables of a settings file, by name of a kind or an artifact.

    Args:
        path: The path of the TOML file.
        artifacts: The names of artifacts. A table has one of these names, or the name of a kind.

    Raises:
        SettingsError: The file cannot be read, or it has faults; `found` lists them all.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(
            path, expected="a readable TOML file", found=str(error), fix=FIX
        ) from None
    known = sorted({*BASELINES, *artifacts})
    faults = []
    for name, table in tables.items():
        if name not in known or not isinstance(table, dict):
            faults.append(f"{name}: not the table of a kind or artifact, {_closest(name, known)}")
            continue
        # The architecture is not known yet, unless the table names it.
        kinds = [name] if name in BASELINES else list(BASELINES)
        bases = [BASES[architecture] for kind in kinds for architecture in ARCHITECTURES[kind]]
        found = (_faults(merge(base.to_dict(), table), kinds) for base in bases)
        faults += [f"{name}.{fault}" for fault in min(found, key=len)]
    _refuse(faults, path)
    return tables


def parse_changes(words: Iterable[str]) -> dict[str, Any]:
    """Return the settings of words such as `early_stopping.patience=3`, as nested tables.

    A value is TOML or `none`. Anything else is taken as a text.

    Raises:
        SettingsError: A word has no `=` or no key.
    """
    changes: dict[str, Any] = {}
    for word in words:
        path, equals, text = word.partition("=")
        *tables, key = path.strip().split(".")
        if not equals or not key:
            raise SettingsError(f"--set {word}", expected="KEY=VALUE", found=repr(word), fix=FIX)
        value = _value(text.strip())
        for table in reversed([*tables, key]):
            value = {table: value}
        changes = merge(changes, value)
    return changes


def changes_for(
    manifest: Manifest, tables: Mapping[str, Mapping[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the changes of one artifact: its kind's table, then its own, then what was given."""
    changes: dict[str, Any] = {}
    for layer in (tables.get(manifest.kind, {}), tables.get(manifest.name, {}), given):
        changes = merge(changes, layer)
    return changes


def merge(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return `base` with `changes` in it, table by table and key by key.

    A table that names another architecture replaces the whole table that it would change.
    """
    merged = dict(base)
    for key, value in changes.items():
        if isinstance(value, Mapping):
            value = merge(_below(merged.get(key), value), value)
        merged[key] = value
    return merged


def base_settings(kind: str, changes: Mapping[str, Any], *, task: Task = "class") -> dict[str, Any]:
    """Return the settings of the architecture that `changes` name, or of the kind's baseline."""
    named = _architecture(changes)
    architecture = named if named in ARCHITECTURES[kind] else ARCHITECTURES[kind][0]
    base = BASES[architecture].to_dict()
    return merge(base, FOR_NUMBERS.get(architecture, {})) if task == "number" else base


def check_settings(
    facts: Mapping[str, Any], *, where: str, kinds: Collection[str] = tuple(BASELINES)
) -> Settings:
    """Return settings from nested tables.

    Args:
        facts: The settings as nested tables.
        where: Where they come from, for errors.
        kinds: The kinds whose architectures are allowed.

    Raises:
        SettingsError: There are faults; `found` lists them all.
    """
    _refuse(_faults(facts, kinds), where)
    return Settings.model_validate(facts)


def _below(table: Any, changes: Mapping[str, Any]) -> Mapping[str, Any]:
    if not isinstance(table, Mapping):
        return {}
    then, now = table.get("architecture"), changes.get("architecture")
    return table if None in (then, now) or then == now else {}


def _architecture(facts: Mapping[str, Any]) -> Any:
    model = facts.get("model")
    return model.get("architecture") if isinstance(model, Mapping) else None


def _value(text: str) -> Any:
    if text == "none":
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _faults(facts: Mapping[str, Any], kinds: Collection[str]) -> list[str]:
    known = [name for kind in kinds for name in ARCHITECTURES[kind]]
    named = _architecture(facts)
    faults = []
    if isinstance(facts.get("model"), Mapping) and named not in known:
        of = f"of kind {', '.join(kinds)}, {_closest(str(named), known)}"
        faults.append(f"model.architecture: {named!r} is none {of}")
        # The options of an unknown architecture are not known, but all other keys are checked.
        facts = {**facts, "model": {"architecture": known[0]}}
    try:
        Settings.model_validate(facts)
    except ValidationError as error:
        faults += describe_faults(Settings, error, whole="settings")
    return faults


def _closest(name: str, known: list[str]) -> str:
    return hint(name, known, f"known here: {', '.join(known)}")


def _refuse(faults: list[str], where: object) -> None:
    if faults:
        number = f"{len(faults)} faults: " if len(faults) > 1 else ""
        found = number + "; ".join(faults)
        raise SettingsError(where, expected="valid settings", found=found, fix=FIX)
