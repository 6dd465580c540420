"""The one exception a user is meant to read."""


class BadInput(ValueError):
    """Something given to neuropipe can't be used; the message is a sentence that says what, where and what to do."""
