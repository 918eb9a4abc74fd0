"""Reads CSV text of any dialect character by character, as slowly and plainly as can be."""

from dataclasses import dataclass

from shardmill.recipe.csv_options import WHITESPACE, Csv


@dataclass
class Book:
    """What a text holds.

    Attributes:
        rows: The line of each row, from 1, and its fields.
        unclosed: The lines of rows with a quote that was not closed.
    """

    rows: list[tuple[int, tuple[str, ...]]]
    unclosed: list[int]


def by_the_book(text: str, options: Csv) -> Book:
    book, position = Book([], []), 0
    while position < len(text):
        line = count_lines(text[:position]) + 1
        stop = line_stop(text, position)
        comment = options.comment and text.startswith(options.comment, position)
        fields, end = ([], stop) if comment else read_row(text, position, options)
        if fields is None:
            book.unclosed.append(line)
            end = stop
        elif fields and text[position:end] and not (is_blank(text[position:end], options)):
            book.rows.append((line, tuple(fields)))
        position = after_line_end(text, end)
    return book


def count_lines(text: str) -> int:
    return text.replace("\r\n", "\n").replace("\r", "\n").count("\n")


def line_stop(text: str, position: int) -> int:
    while position < len(text) and text[position] not in "\r\n":
        position += 1
    return position


def after_line_end(text: str, position: int) -> int:
    return position + (2 if text[position : position + 2] == "\r\n" else 1)


def is_blank(row: str, options: Csv) -> bool:
    return options.delimiter == WHITESPACE and not row.strip(" \t")


def delimiter_at(text: str, position: int, options: Csv) -> int:
    """How many characters a delimiter takes here; 0 if there is none."""
    if options.delimiter != WHITESPACE:
        return len(options.delimiter) * text.startswith(options.delimiter, position)
    return len(text) - position - len(text[position:].lstrip(" \t"))


def ends_row(text: str, position: int) -> bool:
    return position >= len(text) or text[position] in "\r\n"


def read_row(text: str, position: int, options: Csv) -> tuple[list[str] | None, int]:
    """The fields of a row and where it ends, or None if a quote of it is not closed."""
    by_space = options.delimiter == WHITESPACE
    if by_space:
        position += delimiter_at(text, position, options)
        if ends_row(text, position):
            return [], position
    fields: list[str] = []
    while True:
        found = read_field(text, position, options)
        if found is None:
            return None, position
        field, position = found
        fields.append(field)
        if ends_row(text, position):
            return fields, position
        position += delimiter_at(text, position, options)
        if by_space and ends_row(text, position):
            return fields, position


def read_field(text: str, position: int, options: Csv) -> tuple[str, int] | None:
    while options.skip_space and text[position : position + 1] == " ":
        position += 1
    field = ""
    if options.quote and text[position : position + 1] == options.quote:
        position += 1
        while True:
            if position >= len(text):
                return None
            here = text[position]
            if here == options.escape and options.escape:
                if position + 1 >= len(text):
                    return None
                here = text[position + 1]
                position += 1
            elif here == options.quote:
                if text[position + 1 : position + 2] != options.quote:
                    position += 1
                    break
                position += 1
            field += here
            position += 1
        ends_field = ends_row(text, position) or delimiter_at(text, position, options)
        return (field, position) if ends_field else None
    while not ends_row(text, position) and not delimiter_at(text, position, options):
        if text[position] == options.escape and options.escape:
            position += 1
            if position >= len(text):
                return None
        field += text[position]
        position += 1
    return field, position
