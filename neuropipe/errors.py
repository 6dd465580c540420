"""The one exception a user is meant to read."""


class BadInput(ValueError):
    """Something given to neuropipe can't be used; the message is a sentence that says what, where and what to do.

    What a damaged file put into the message is shown on one line: control characters are escaped.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(str(message)))


def one_line(text: str) -> str:
    """Text without line breaks at its end, and with those inside, and other control characters, made visible."""
    return "".join(
        each if each.isprintable() else " " if each.isspace() else each.encode("unicode_escape").decode()
        for each in text.strip()
    )
