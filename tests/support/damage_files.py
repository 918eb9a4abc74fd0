"""Damages the files of artifacts and model folders: one step of damage at a time, from a seed."""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import xxhash

Files = dict[str, bytes]
Place = tuple[Any, Any]  # a dict or list of a JSON document, and a key of it

NUMBERS = (0, 1, -1, 2, 7, 255, 256, 65_536, 2**31 - 1, 2**31, 2**40, 2**53, 2**63 - 1, 2**63)
ODD_VALUES: tuple[Any, ...] = (
    *NUMBERS, -(2**31), -(2**63), 2**64, 2**100, 0.5, -0.0, 1e308, float("nan"), float("inf"),
    None, True, False, "", "x", "y", "x.a", "\0", "\ud7ff", "../x", "int8", "bool", "float64",
    [], {}, [[]], [0], ["x"], {"x": 0}, {"x": -1}, {"x": 2**62}, "f" * 32, "0" * 64, "é" * 1000,
)  # fmt: skip
JSON_STEPS = ("delete", "rename", "value", "value", "nudge", "swap", "copy", "twice", "same_key")
BYTE_STEPS = ("flip", "flip", "cut", "extend", "number", "zero", "header", "empty", "swap", "gone")
PAGE = 16_384


def places(facts: Any) -> Iterator[Place]:
    """Yield every place of a JSON document."""
    items = list(facts.items()) if isinstance(facts, dict) else []
    items = list(enumerate(facts)) if isinstance(facts, list) else items
    for key, value in items:
        yield facts, key
        yield from places(value)


def damage(draw: random.Random, files: Files) -> str:
    """Change `files` in one step, and return in words what was done."""
    names = sorted(files)
    jsons = [name for name in names if name.endswith(".json")]
    shards = [name for name in names if name.endswith(".safetensors")]
    others = [name for name in names if name not in jsons and name not in shards]
    lists = [names[0:1] if not jsons else jsons[-1:], jsons, shards, others]
    weights = [4, 2, 5, 2]
    (chosen,) = draw.choices(lists, [w if n else 0 for n, w in zip(lists, weights, strict=True)])
    name = draw.choice(chosen)
    mends = draw.random() < 0.7
    if name in jsons and draw.random() < 0.9:
        what = damage_json(draw, files, name)
    else:
        what = damage_bytes(draw, files, name)
    if mends:
        mend_checksums(files)
    return f"{name}: {what}{', checksums right' if mends else ''}"


def damage_json(draw: random.Random, files: Files, name: str) -> str:
    """Change a value, a key or the shape of a JSON document."""
    try:
        facts = json.loads(files[name])
    except ValueError:
        return damage_bytes(draw, files, name)
    every = list(places(facts))
    if not every:
        return damage_bytes(draw, files, name)
    inside, key = draw.choice(every)
    step = draw.choice(JSON_STEPS)
    what = change(draw, step, inside, key, every)
    files[name] = dump(facts)
    return what


def change(draw: random.Random, step: str, inside: Any, key: Any, every: list[Place]) -> str:
    """Change what stands at a place, and return in words what was done."""
    old = inside[key]
    place = f"{key!r} ({json.dumps(old)[:60]})"
    if step == "delete":
        del inside[key]
    elif step == "rename" and isinstance(inside, dict):
        new = draw.choice([f"{key}x", key[:-1], "x", "name", "", *(str(k) for _, k in every[:9])])
        inside[new] = inside.pop(key)
        return f"{place} is called {new!r}"
    elif step == "nudge" and isinstance(old, int | float):
        inside[key] = draw.choice([old + 1, old - 1, -old, old * 2, old + PAGE, old * 1000])
    elif step == "swap":
        other, there = draw.choice(every)
        try:
            inside[key], other[there] = json.loads(json.dumps([other[there], old]))
        except (KeyError, IndexError):
            inside[key] = None
    elif step == "copy":
        other, there = draw.choice(every)
        inside[key] = json.loads(json.dumps(other[there]))
    elif step == "twice" and isinstance(old, list) and old:
        old.insert(0, json.loads(json.dumps(draw.choice(old))))
    elif step == "same_key":
        same = [i[k] for i, k in every if k == key]
        inside[key] = json.loads(json.dumps(draw.choice(same)))
    else:
        inside[key] = draw.choice(ODD_VALUES)
    after = json.dumps(inside)[:160] if step == "delete" else json.dumps(inside[key])[:160]
    return f"{step} at {place}, now {after}"


def damage_bytes(draw: random.Random, files: Files, name: str) -> str:
    """Change bytes of a file, or put another file in its place."""
    data = bytearray(files[name])
    step = draw.choice(BYTE_STEPS)
    # Tensors begin at borders of pages, and are often shorter than a page.
    page = draw.randrange(len(data) // PAGE + 1) * PAGE
    at = min(page + draw.choice([0, 0, 4, 8, draw.randrange(PAGE)]), len(data))
    if step == "flip" and at < len(data):
        data[at] ^= 1 << draw.randrange(8)
    elif step == "cut":
        del data[at:]
    elif step == "extend":
        data += bytes(draw.choice([1, 8, PAGE]))
    elif step == "number":
        width = draw.choice([1, 2, 4, 8])
        number = draw.choice(NUMBERS) * draw.choice([1, 1, -1])
        data[at : at + width] = (number % 2 ** (8 * width)).to_bytes(width, "little")
    elif step == "zero":
        data[at : at + 64] = bytes(len(data[at : at + 64]))
    elif step == "header":
        length = draw.choice([0, 1, 7, PAGE, PAGE * 2 - 8, len(data), 2**40, 2**64 - 1])
        data[:8] = length.to_bytes(8, "little")
    elif step == "swap":
        data = bytearray(files[draw.choice(sorted(files))])
    elif step == "empty":
        data.clear()
    elif step == "gone":
        del files[name]
        return "is gone"
    files[name] = bytes(data)
    return f"{step} at {at:,}"


def mend_checksums(files: Files) -> None:
    """Write the sizes and checksums of all files into the records that name them."""
    for name in ("preprocessor.json", "manifest.json", "model.json"):
        if name not in files:
            continue
        try:
            facts = json.loads(files[name])
        except ValueError:
            continue
        for inside, key in list(places(facts)):
            path = inside[key] if key == "path" and isinstance(inside, dict) else None
            if isinstance(path, str) and path in files and "xxh3_128" in inside:
                inside["bytes"] = len(files[path])
                inside["xxh3_128"] = xxhash.xxh3_128_hexdigest(files[path])
        if name == "model.json" and isinstance(facts, dict):
            facts["checksum"] = None
            facts["checksum"] = xxhash.xxh3_128_hexdigest(dump(facts))
        files[name] = dump(facts)


def dump(facts: Any) -> bytes:
    """Return the bytes that the format gives a record."""
    text = json.dumps(facts, indent=2, sort_keys=True, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "surrogatepass")


def damaged(seed: str, files: Files, steps: list[int]) -> tuple[Files, list[str]]:
    """Return a copy of files after some steps, each with a seed of its own, and what they did."""
    changed = dict(files)
    done = [damage(random.Random(f"{seed}-{step}"), changed) for step in steps if changed]
    return changed, done


def fewest(steps: list[int], fails: Callable[[list[int]], bool]) -> list[int]:
    """Return a few of the steps that fail as all of them do."""
    for step in steps:
        left = [other for other in steps if other != step]
        if left and fails(left):
            return fewest(left, fails)
    return steps
