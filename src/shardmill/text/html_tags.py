"""The tags of HTML, as a regular expression.

`<` and `>` also stand in texts that are no HTML, as in `x < y`, `<joe@example.org>` or
`List<String>`. So only what is written as a tag of an element that HTML has or had is a tag.
"""

from collections.abc import Iterable

# The index of elements and the obsolete elements of the HTML standard
# (https://html.spec.whatwg.org/multipage/indices.html#elements-3 and /obsolete.html).
_ELEMENTS = (
    "a abbr acronym address applet area article aside audio b base basefont bdi bdo bgsound big "
    "blink blockquote body br button canvas caption center cite code col colgroup data datalist dd "
    "del details dfn dialog dir div dl dt em embed fieldset figcaption figure font footer form "
    "frame frameset h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins isindex "
    "kbd keygen label legend li link listing main map mark marquee math menu menuitem meta meter "
    "multicol nav nextid nobr noembed noframes noscript object ol optgroup option output p param "
    "picture plaintext pre progress q rb rp rt rtc ruby s samp script search section select "
    "selectedcontent slot small source spacer span strike strong style sub summary sup svg table "
    "tbody td template textarea tfoot th thead time title tr track tt u ul var video wbr xmp"
).split()
# The attributes that may stand without a value: /indices.html#attributes-3 of the same standard.
_BOOLEAN = (
    "allowfullscreen async autofocus autoplay checked compact controls declare default defer "
    "disabled formnovalidate hidden inert ismap itemscope loop multiple muted nohref nomodule "
    "noresize noshade novalidate nowrap open playsinline readonly required reversed selected"
).split()

# What HTML counts as white space (/infrastructure: ASCII whitespace).
_SPACE = r"[\t\n\f\r ]"


def _any_case(words: Iterable[str]) -> str:
    # Regular expressions that ignore case go beyond ASCII, which HTML does not.
    spelt = ("".join(f"[{c}{c.upper()}]" if c.isalpha() else c for c in word) for word in words)
    return f"(?:{'|'.join(spelt)})"


# An attribute without a value must be one of the known ones, since a text may say `x <a and b> y`.
_ATTRIBUTES = rf"(?:{_SPACE}[^<>]*=[^<>]*|(?:{_SPACE}+{_any_case(_BOOLEAN)})+)"
TAG = (
    rf"</?{_any_case(_ELEMENTS)}{_ATTRIBUTES}?{_SPACE}*/?>"
    rf"|<!{_any_case(['doctype'])}{_SPACE}[^<>]*>"
    r"|<!--(?s:.*?)-->"
)
