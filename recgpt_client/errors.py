"""What can go wrong with a call."""

from recgpt_client.types import Fault, Problem


class StudioError(Exception):
    """The base of all errors of the client."""


class NoAnswerError(StudioError):
    """The server could not be reached, or gave no answer of ours, in all attempts."""


class RefusedError(StudioError):
    """The server refused: `problem` is its whole answer (RFC 9457)."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem['status']} {problem['detail']}")
        self.problem = problem

    @property
    def status(self) -> int:
        return self.problem["status"]

    @property
    def type(self) -> str:
        """A name to branch on, such as `urn:recgpt-studio:problem:idempotency-key-reused`."""
        return self.problem["type"]

    @property
    def faults(self) -> list[Fault]:
        """Each value at fault: where it is, and what is wrong with it."""
        return self.problem.get("errors", [])
