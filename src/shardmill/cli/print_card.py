"""Prints the card of an artifact, which `shardmill inspect` shows."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from shardmill.cli.visible import listed, number, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

Facts = dict[str, Any]
_CLASSES = 20  # so many classes, features, categories and files are listed
_BAR = 24
_REASONS = 5
_NAMES = 24  # a longer name is cut in a column of names


def print_card(facts: Facts, console: "Console") -> None:
    """Print what `describe_artifact` returned. No line is longer than the console is wide."""
    for line in card_lines(facts, console):
        console.print(line, no_wrap=True, overflow="ellipsis", highlight=False)


def card_lines(facts: Facts, console: "Console") -> "Iterator[Text]":
    """Yield the lines of the card of an artifact, without its images."""
    splits = {name: facts["splits"][name] for name in split_order(facts)}
    yield from _title(facts)
    yield from _splits(splits)
    for field, counts in splits["train"].get("classes", {}).items():
        yield from _classes(field, counts, splits, console)
    yield from _lengths(splits["train"].get("lengths") or {}, facts, console)
    yield from _features(facts)
    yield from _left_out(splits)
    yield from _raw(facts["raw"])


def split_order(facts: Facts) -> list[str]:
    """Return the names of the splits: train, validation and test first."""
    usual = ["train", "validation", "test"]
    return sorted(
        facts["splits"], key=lambda name: (usual.index(name) if name in usual else 3, name)
    )


def heading(text: str) -> "Text":
    """Return the heading of a part of the card."""
    from rich.text import Text

    return Text(text, "bold cyan")


def plain(text: str) -> "Text":
    """Return a line of text, which is no markup."""
    from rich.text import Text

    return Text(text)


def bar(share: float, width: int, console: "Console") -> str:
    """Return a bar that is so long a part of `width` characters."""
    if not console.encoding.lower().startswith("utf"):
        return ("#" * round(share * width)).ljust(width)
    eighths = round(share * width * 8)
    return ("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()).ljust(width)


def _title(facts: Facts) -> "Iterator[Text]":
    title = heading(facts["name"])
    title.append(
        f"  {facts['kind']}, format {facts['version']}, {facts['writer']}", "default not bold"
    )
    if facts["sample"]:
        title.append("  SAMPLE DATA, generated", "bold yellow")
    yield title
    if facts["description"]:
        yield plain(visible(facts["description"]))
    yield plain(facts["path"])


def _splits(splits: dict[str, Facts]) -> "Iterator[Text]":
    yield heading("splits")
    for name, split in splits.items():
        shards = "1 shard" if split["shards"] == 1 else f"{split['shards']:,} shards"
        parts = [f"{split['rows']:,} rows", f"{_bytes(split['shard_bytes'])} in {shards}"]
        if not split["labelled"]:
            parts.append("no target")
        if dropped := sum(split["dropped"].values()):
            parts.append(f"{dropped:,} dropped")
        if split["rejected"]:
            parts.append(f"{split['rejected']:,} rejected")
        for of, count in split["unknown"].items():
            if count:
                share = count / max(split["of_values"][of], 1)
                what = f"of {visible(of, _NAMES)}"
                if split["fields"].get(f"x.{of}", {}).get("ragged"):
                    what = f"tokens {what}"
                elif split["fields"].get("x", {}).get("ragged"):
                    what = "tokens"
                parts.append(f"{share:.2%} {what} unknown")
        yield plain(f"  {name:<12} {', '.join(parts)}")
        if "unreadable" in split:
            yield plain(f"    its rows cannot be shown: {visible(split['unreadable'])}")
    yield heading("fields")
    for name, field in splits["train"]["fields"].items():
        shape = "ragged" if field["ragged"] else str(field["shape"])
        role = "" if field["role"] == "input" else f"  {field['role']}"
        yield plain(f"  {name:<12} {field['dtype']} {shape}{role}")


def _classes(
    field: str, counts: dict[str, int], splits: dict[str, Facts], console: "Console"
) -> "Iterator[Text]":
    """Yield a line for each class: a bar for the train split, and the shares in all splits."""
    shown = list(counts)[:_CLASSES]
    width = min(max(map(len, shown)), _NAMES)
    named = {n: s["classes"][field] for n, s in splits.items() if field in s.get("classes", {})}
    named = dict(list(named.items())[:3])
    largest = max(counts.values()) or 1
    counted = splits["train"]["counted"]
    of = "" if counted == splits["train"]["rows"] else f" (of {counted:,} rows)"
    title = heading("classes" if field == "y" else f"classes of {field}")
    blank = " " * max(2 + width + 2 + _BAR - len(title.plain), 1)
    yield title.append(blank + " ".join(f"{name:>10}" for name in named) + of, "default not bold")
    for name in shown:
        shares = [f"{c[name] / max(splits[n]['counted'], 1):10.1%}" for n, c in named.items()]
        line = plain(f"  {visible(name, width):<{width}}  ")
        line.append(bar(counts[name] / largest, _BAR, console), "green")
        yield line.append(" ".join(shares))
    if len(counts) > len(shown):
        yield plain(f"  and {len(counts) - len(shown):,} more classes")


def _lengths(lengths: Facts, facts: Facts, console: "Console") -> "Iterator[Text]":
    if facts["vocabulary"]:
        special = facts["vocabulary"]["unknown"]
        unknown = f", unknown ones are {visible(special, _NAMES)}" if special else ""
        yield heading("tokens")
        yield plain(f"  {facts['vocabulary']['tokens']:,} in the vocabulary{unknown}")
    for field, of_field in lengths.items():
        yield from _lengths_of(field, of_field, console)


def _lengths_of(field: str, lengths: Facts, console: "Console") -> "Iterator[Text]":
    keys = {"least": "shortest", "median": "median", "mean": "mean", "of_95_percent": "95 %"}
    said = [f"{word} {number(round(lengths[key], 1))}" for key, word in keys.items()]
    text = "a text" if field == "x" else f"{visible(field, _NAMES)}"
    yield plain(f"  of {text}: {', '.join(said)}, longest {lengths['longest']:,}")
    most = max(step["rows"] for step in lengths["histogram"]) or 1
    total = sum(step["rows"] for step in lengths["histogram"]) or 1
    for step in lengths["histogram"]:
        line = plain(f"  {step['from']:>7,} to {step['to']:<7,} ")
        line.append(bar(step["rows"] / most, _BAR, console), "green")
        yield line.append(f"{step['rows'] / total:10.1%}")


def _features(facts: Facts) -> "Iterator[Text]":
    """Yield what was learnt of each feature, and the categories of columns by name."""
    names = list(dict.fromkeys([*facts["features"], *sorted(facts["statistics"])]))
    lines = {name: _statistics(facts["statistics"].get(name, {})) for name in names}
    if facts["kind"] != "text" and any(lines.values()):
        yield heading("features" if facts["kind"] == "tabular" else "statistics")
        names = [name for name in names if lines[name] or name in facts["features"]]
        width = _width(names[:_CLASSES])
        for name in names[:_CLASSES]:
            yield plain(f"  {visible(name, _NAMES):<{width}}  {lines[name]}".rstrip())
        if len(names) > _CLASSES:
            yield plain(f"  and {len(names) - _CLASSES:,} more; --json has them all")
    if facts["categories"]:
        yield heading("categories")
    width = _width(list(facts["categories"])[:_CLASSES])
    for name, categories in list(facts["categories"].items())[:_CLASSES]:
        yield plain(f"  {visible(name, _NAMES):<{width}}  {listed(categories, 12)}")
    if len(facts["categories"]) > _CLASSES:
        yield plain(f"  and {len(facts['categories']) - _CLASSES:,} more; --json has them all")


def _width(names: list[str]) -> int:
    return max((len(visible(name, _NAMES)) for name in names), default=0)


def _statistics(facts: Facts) -> str:
    # A scaled feature has a mean of nearly nothing.
    parts = [
        f"{key} {number(round(facts[key], 12))}"
        for key in ("mean", "std")
        if facts.get(key) is not None
    ]
    if facts.get("missing"):
        parts.append(f"{facts['missing']:,} missing")
    if facts.get("fill") is not None:
        fill = facts["fill"]
        is_number = isinstance(fill, int | float)
        parts.append(f"filled with {number(fill) if is_number else visible(fill, 20)}")
    if facts.get("divisor") is not None:
        parts.append(f"scaled from {number(facts['offset'])} by {number(facts['divisor'])}")
    if facts.get("categories") is not None:
        parts.append(f"{len(facts['categories']):,} categories")
    return ", ".join(parts)


def _left_out(splits: dict[str, Facts]) -> "Iterator[Text]":
    reasons = {name: {**s["dropped"], **s.get("reasons", {})} for name, s in splits.items()}
    if any(reasons.values()):
        yield heading("left out")
    for name, found in reasons.items():
        for reason, rows in list(found.items())[:_REASONS]:
            yield plain(f"  {name:<12} {rows:>7,}  {visible(reason)}")
        if len(found) > _REASONS:
            yield plain(f"  {name:<12} and {len(found) - _REASONS:,} more reasons; see --rejected")


def _raw(records: list[Facts]) -> "Iterator[Text]":
    yield heading("raw files")
    origin = {True: "as published", False: "not the published file", None: "not published"}
    for record in records[:_CLASSES]:
        text = "sample" if record["sample"] else origin[record["published"]]
        yield plain(f"  {visible(record['path'])}  {record['bytes']:,} bytes, {text}")
    if len(records) > _CLASSES:
        yield plain(f"  and {len(records) - _CLASSES:,} more")


def _bytes(count: int) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return (
                f"{count:,.0f} {unit}" if unit == "bytes" or count >= 10 else f"{count:.1f} {unit}"
            )
        count = count / 1024  # type: ignore[assignment]
    raise AssertionError
