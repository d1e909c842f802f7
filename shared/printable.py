"""Printable: names and messages as they may be shown, whatever bytes they have."""


def printable(text: str) -> str:
    r"""Escape what would change the output around it, or cannot be encoded.

    A byte of a name that is not UTF-8 becomes `\xe4`; control characters (a newline, the escape
    character of a terminal), format characters (which reverse the direction of writing) and
    separators become `\n`, `\x1b`, `\u202e`. So one name stays in one line, and no name commands a
    terminal. Nothing else changes, backslashes included.
    """
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else _escape(each) for each in text)


def printable_lines(text: str) -> str:
    """Escape the lines of a text as `printable` does, each by itself."""
    return "\n".join(map(printable, text.split("\n")))


def _escape(character: str) -> str:
    number = ord(character)
    if 0xDC80 <= number <= 0xDCFF:
        # PEP 383: a byte that is not UTF-8
        return f"\\x{number - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()
