"""What retrieval cannot do."""


class NotFittedError(RuntimeError):
    """There is nothing fitted to serve from."""
