"""Escaping of untrusted names and messages for display."""

# spreadsheets evaluate CSV cells that begin with these characters, in some languages also with
# their full-width forms
FORMULA_CHARACTERS = "=+-@\uff1d\uff0b\uff0d\uff20"


def printable(text: str) -> str:
    r"""Escape characters that are not printable or cannot be encoded, as `\x1b` or `\u202e`.

    So a name stays on one line and cannot send commands to a terminal.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def printable_lines(text: str) -> str:
    """Apply `printable` to each line of a text."""
    return "\n".join(map(printable, text.split("\n")))


def escape_undecodable(text: str) -> str:
    """Escape only what UTF-8 cannot encode, for a text with markup of its own."""
    if is_utf8(text):
        return text
    return "".join(each if is_utf8(each) else _escape(each) for each in text)


def is_utf8(path: str) -> bool:
    """Return whether a path is valid UTF-8; Python decodes invalid bytes to surrogates."""
    return path.isascii() or not any("\ud800" <= char <= "\udfff" for char in path)


def _escape(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        # PEP 383 maps a byte that is not valid UTF-8 to a surrogate
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
