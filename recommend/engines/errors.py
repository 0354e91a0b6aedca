"""What can go wrong with an engine outside a single request (those failures are results, see `types`)."""


class EngineUnavailableError(Exception):
    """The language-model server gives no usable answer; the message names the address and the remedy."""


class UnknownEngineError(ValueError):
    """No engine has this name."""
