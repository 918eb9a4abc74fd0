"""How messy files are written. The files are small forms of those that people have."""

from pathlib import Path
from typing import Any

import pytest

from shardmill.pipeline.infer.infer_dialect import infer_dialect

FILES: dict[str, tuple[str, dict[str, Any]]] = {
    "plain": ("a,b,y\n1,x,0\n2,y,1\n", {}),
    "semicolons": ("price;n;y\n10,20;1.234;0\n4,5;12;1\n", {"delimiter": ";"}),
    "excel": ("sep=;\r\na;b;y\r\n1;x;0\r\n2;y;1\r\n", {"delimiter": ";"}),
    "control character": ("a\x01b\x01y\n1\x01x\x010\n2\x01z\x011\n", {"delimiter": "\x01"}),
    "two characters": ("a::b::y\n1::x::0\n2::z::1\n", {"delimiter": "::"}),
    "white space": ("a   b  y\n1   2.5  0\n10  3.5  1\n", {"delimiter": "whitespace"}),
    "comments": ("# of 2024\na,b,y\n1,x,0\n# note\n2,y,1\n", {"comment": "#"}),
    "note first": (
        "|1x3 Cross validator\n25, Private, 11th, <=50K.\n38, ?, HS-grad, >50K.\n",
        {"skip_rows": 1, "header": False},
    ),
    "no header": (
        "39, State, Bach, no\n50, ?, Bach, no\n38, Private, HS, yes\n",
        {"header": False},
    ),
    "spaces and quotes": ('a, b, y\n1, "Smith, John", 0\n2, "Li, Bo", 1\n', {"skip_space": True}),
    "backslashes": (
        '"1","He said \\"hi, you\\" and left"\n"0","plain"\n',
        {"escape": "\\", "header": False},
    ),
    "single quotes": ("1,'a, b'\n0,'c'\n", {"quote": "'", "header": False}),
    "quotes are text": (
        '0\t"This is great.\n1\tI loved it."\n0\tplain\n',
        {"delimiter": "\t", "quote": "", "header": False},
    ),
    "ends in a delimiter": ("a,b,y\n1,x,0,\n2,y,1,\n", {"trailing_delimiter": True}),
    "spaces in all cells": (
        "day;y\n11 April 2019 01:07 PM;0\n22 May 2019 01:08 PM;1\n",
        {"delimiter": ";"},
    ),
    "Hindi": ("1,हिन्दी भाषा\n0,भाषा\n", {"header": False}),
    "Chinese": ("text,label\n今天天气很好我们去公园,a\n足球比赛今天晚上开始,b\n", {}),
    "one column without a name": (",a,y\n0,1,x\n1,2,y\n", {}),
}


@pytest.mark.parametrize("name", FILES)
def test_how_a_file_is_written(name: str, tmp_path: Path) -> None:
    text, keys = FILES[name]
    (tmp_path / "t.csv").write_text(text, encoding="utf-8", newline="")
    assert infer_dialect(tmp_path / "t.csv") == keys


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-8-sig"])
def test_encodings(encoding: str, tmp_path: Path) -> None:
    text = "name,y\nGrün “gut”,1\nBläulich,2\n"
    (tmp_path / "t.csv").write_text(text, encoding=encoding)
    expected = {} if encoding == "utf-8-sig" else {"encoding": encoding}
    assert infer_dialect(tmp_path / "t.csv") == expected
