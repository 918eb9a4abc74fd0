"""Texts that tests draw, and what cleaning and tokenising must make of each row."""

import html
import re
import sys
import unicodedata
from collections.abc import Sequence

import pyarrow as pa
from hypothesis import settings, strategies as st

from shardmill.text.clean_text import is_of_word
from shardmill.text.html_tags import TAG
from shardmill.text.tokenize_text import SUBSTITUTIONS

# Every code point but surrogates, which no UTF-8 text holds.
CODE_POINTS = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
BROKEN = re.compile(
    r"(?:^| )(?=(?:#0?(?:3[2-9]|[4-9][0-9]|[1-9][0-9]{2,4})"
    r"|amp|apos|gt|hellip|ldquo|lsquo|lt|mdash|nbsp|ndash|quot|rdquo|rsquo);)",
    re.MULTILINE,
)


def clean_row(text: str, steps: Sequence[str]) -> str:
    for step in steps:
        if step == "alphanumeric":
            text = "".join(c if c.isalnum() else " " for c in text)
        elif step == "words":
            text = "".join(c if is_of_word(c) else " " for c in text)
        elif step == "nfc":
            text = unicodedata.normalize("NFC", text)
        elif step == "lowercase":
            text = text.lower()
        elif step == "newlines":
            text = " ".join(text.split("\\n"))
        else:
            text = html.unescape(BROKEN.sub("&", text))
            text = re.sub(TAG, " ", text)
    return text


# All planes; ASCII alone, which takes another path; and what cleaning and tokenisers look for:
# sigmas and what stands around them, letters whose small one is longer, and white space.
special = st.sampled_from(
    "'\".,()!?;: \u0301\u0327\u200c\u200d"
    "\t\n\r\x00\x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u3000İΣςßǅ_²٣ʰ\u0345😀"
)
pieces = st.sampled_from(["\\n", "<br />", "<BR />", "<br/>", "don't", "  ", "ΩΣ", "\u0307Σ"])
ascii_texts = st.text(st.characters(max_codepoint=127) | special.filter(str.isascii))
texts = st.text() | ascii_texts | st.lists(special | pieces | st.text(max_size=3)).map("".join)
text_lists = st.lists(texts, max_size=8)
html_pieces = st.sampled_from(
    "& &amp; amp; quot; #39; #039; #36 #1; #31; #32; #99999; #100000; &#10; &#x41; &#x110000; &#0;"
    " &#55296; &notit; &ampx &lt; &gt; &nbsp part; in; < > <b </b> <!d> <3 <a\n> \n ; # b é 😀"
    " <p\tclass=x> <br/> <hr\vnoshade> <!-- --> <!doctype\nx> <a and> <bb>"
    " &aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; &#0000000000000000000000000000000000065; &éé".split(
        " "
    )
)
html_texts = st.lists(html_pieces | st.just(" ") | st.text(max_size=2)).map("".join)
cuts = st.integers(0, 8)
laws = settings(max_examples=200, deadline=None)


def slices(rows: list[str], start: int, length: int) -> list[pa.Array]:
    array = pa.array(rows, pa.string())
    return [array, array[start:][:length]]


TOKENIZERS = ("basic_english", "whitespace", "characters")


def tokenize_row(text: str, tokenizer: str) -> list[str]:
    if tokenizer == "basic_english":
        text = text.lower()
        for old, new in SUBSTITUTIONS:
            text = text.replace(old, new)
    if tokenizer == "characters":
        return [c for c in text if not c.isspace()]
    return text.split()
