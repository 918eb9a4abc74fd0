"""The names that a user gives to the fields of rows and batches."""

from collections.abc import Iterable, Mapping

from shardmill.datasets.item_types import Layout
from shardmill.faults import hint
from shardmill.format.layout import Field
from shardmill.format.manifest import Manifest

# The fields that a batch of texts has besides `x`, by layout. Models of Hugging Face know the mask
# by this name.
TEXT_FIELDS: Mapping[str, tuple[str, str]] = {
    "padded": ("mask", "attention_mask"),
    "bag": ("offsets", "offsets"),
}


def name_fields(
    names: Mapping[str, str], manifest: Manifest, *, where: object, layout: Layout | None = None
) -> dict[str, str]:
    """Return the name of every field of an artifact: that of `names`, or its own.

    Args:
        names: The name of each field that gets another one. The fields of all splits are known, so
            the same names do for a split without target.
        manifest: The manifest of the artifact.
        where: The artifact, for the message.
        layout: How texts are put together. "padded" adds the field `x.mask`, which is called
            `attention_mask`, and "bag" adds `x.offsets`, which is called `offsets`.

    Raises:
        TypeError: `names` does not map texts to texts.
        ValueError: The artifact has no such field, two fields get the same name, or there are texts
            beside other inputs.
    """
    if not isinstance(names, Mapping):
        raise TypeError(f"names is a dict such as {{'x': 'pixel_values'}}, not {names!r}")
    fields = [field for split in manifest.splits.values() for field in split.fields]
    texts = dict.fromkeys(field.name for field in fields if field.ragged and field.group)
    if texts:
        raise ValueError(
            f"names takes one text a row, and {where} has {', '.join(texts)} beside other inputs; "
            "open it without names, and name the parts of each batch in the loop"
        )
    found = dict(_own_names(fields, layout))
    for field, name in names.items():
        if field not in found:
            help_ = hint(str(field), found, f"it has {', '.join(found)}")
            raise ValueError(f"{where} has no field {field!r} to name; {help_}")
        if not isinstance(name, str) or not name:
            raise TypeError(f"the name of the field {field} is a text, not {name!r}")
    found |= names
    fields_by_name = {name: field for field, name in found.items()}
    for field, name in found.items():
        other = fields_by_name[name]
        if other != field:
            raise ValueError(
                f"two fields of {where} are called {name!r}, {field} and {other}; give one of them "
                f"another name, as names={{{field!r}: ...}} does"
            )
    return found


def _own_names(fields: Iterable[Field], layout: Layout | None) -> Iterable[tuple[str, str]]:
    for field in fields:
        yield field.name, field.name
        if field.ragged and layout is not None and layout in TEXT_FIELDS:
            part, name = TEXT_FIELDS[layout]
            yield f"{field.name}.{part}", name
