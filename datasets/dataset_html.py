"""A dataset as a table, for notebooks."""

from html import escape

from shardmill.format.manifest import Manifest

_MOST_NAMES = 12


def dataset_html(manifest: Manifest, split: str) -> str:
    """Return a table of the fields of a split, with its classes and features. It reads no rows."""
    record = manifest.splits[split]
    title = f"{manifest.name}/{split}: {record.rows:,} rows"
    sample = ", sample data" if manifest.sample else ""
    caption = f"<caption>{escape(title)}{sample}</caption>"
    head = _row("th", ["field", "role", "dtype", "shape"])
    fields = [
        _row("td", [f.name, f.role, f.batch_dtype, "ragged" if f.ragged else str(list(f.shape))])
        for f in record.fields
    ]
    lists = [_names("classes", manifest.classes or ()), _names("features", manifest.features)]
    return f"<table>{caption}{head}{''.join(fields)}</table>{''.join(lists)}"


def _row(tag: str, cells: list[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _names(title: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    more = [f"and {len(names) - _MOST_NAMES:,} more"] if len(names) > _MOST_NAMES else []
    listed = ", ".join([*map(escape, names[:_MOST_NAMES]), *more])
    return f"<p>{len(names):,} {title}: {listed}</p>"
