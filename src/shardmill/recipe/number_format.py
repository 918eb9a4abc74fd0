"""How the numbers of a column are written: their marks, and what stands around them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

DecimalMark = Literal[".", ","]
# The last ones are the no-break space, the thin space and the narrow no-break space.
ThousandsMark = Literal["", ",", ".", "'", "\u2019", "_", " ", "\u00a0", "\u2009", "\u202f"]
NUMBER_KEYS = frozenset({"decimal", "thousands", "prefix", "suffix"})


def _as_texts(value: Any) -> Any:
    # White space between a number and what stands beside it does not count.
    values = (value,) if isinstance(value, str) else value
    if not isinstance(values, list | tuple):
        raise ValueError("must be a text or a list of texts")
    if not all(isinstance(v, str) for v in values) or not "".join(values).strip():
        raise ValueError("must have a character")
    return tuple(v.strip() for v in values)


_Texts = str | tuple[str, ...]
Affix = Annotated[tuple[str, ...], BeforeValidator(_as_texts, json_schema_input_type=_Texts)]


@dataclass(frozen=True, slots=True)
class NumberFormat:
    """How numbers are written.

    Attributes:
        decimal: The mark before the fraction.
        thousands: The mark between groups of three digits; empty if there is none.
        prefix: What stands before a number: one of these texts.
        suffix: What stands after a number: one of these texts.
    """

    decimal: DecimalMark = "."
    thousands: ThousandsMark = ""
    prefix: tuple[str, ...] = ("",)
    suffix: tuple[str, ...] = ("",)

    @classmethod
    def of(
        cls,
        decimal: DecimalMark | None,
        thousands: ThousandsMark,
        *,
        default: DecimalMark,
        prefix: tuple[str, ...] | None,
        suffix: tuple[str, ...] | None,
    ) -> "NumberFormat":
        """Return the format of a column.

        Args:
            decimal: The decimal mark that the column states, if it does.
            thousands: The mark of thousands.
            default: The decimal mark of the file. If it is the mark of thousands, the column has
                the other decimal mark.
            prefix: What stands before a number.
            suffix: What stands after a number.
        """
        if decimal is None:
            decimal = default
            if thousands == default:
                decimal = "." if default == "," else ","
        return cls(decimal, thousands, prefix or ("",), suffix or ("",))

    def spell(self, number: str) -> str:
        """Return a number as Python writes it in this format.

        Example:
            >>> NumberFormat(decimal=",", prefix=("$",)).spell("-1.5")
            '-$1,5'
        """
        sign = "-" if number.startswith("-") else ""
        digits = number.removeprefix("-").replace(".", self.decimal)
        return f"{sign}{self.prefix[0]}{digits}{self.suffix[0]}"

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the keys that do not fit together, and why."""
        if self.thousands == self.decimal:
            yield "thousands", f"{self.decimal!r} is the decimal mark already"
        for key, texts in (("prefix", self.prefix), ("suffix", self.suffix)):
            for text in filter(None, texts):
                # A prefix that begins with a sign would hide that of the number.
                edges = {text[0], text[-1]} & {*"+-"} if key == "prefix" else set()
                edges |= {text[-1] if key == "prefix" else text[0]} & {*"0123456789+-"}
                if edges or text in (self.decimal, self.thousands):
                    part = min(edges, default=text)
                    yield key, f"{text!r} has {part!r}, which may be a part of the number"


PLAIN_NUMBERS = NumberFormat()
