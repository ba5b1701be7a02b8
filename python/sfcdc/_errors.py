"""What decoding raises. A module of its own, because the compiled module looks for it here."""


class DecodeError(ValueError):
    """A payload that is no event of its schema.

    `index` is its number among the payloads of the call, `byte` the place in it that is wrong, and `reason` says what.
    """

    index: int = 0
    byte: int = 0
    reason: str = ""
