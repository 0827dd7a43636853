"""The one error that says a model cannot be used."""


class ModelError(ValueError):
    """This file cannot be used; the message is a sentence that names the value and the file."""
