"""The prompt optimisers that leads may choose from: dotted paths in the setting JUDGE_PROMPT_OPTIMIZERS."""

from __future__ import annotations

from django.conf import settings
from django.utils.module_loading import import_string

from judge.proposals.optimizers import PromptOptimizer, ProposalError


class OptimizerError(ValueError):
    """A path that names no optimiser; the text says what is wrong with it."""


def load(path: str) -> PromptOptimizer:
    """The optimiser at a dotted path: a class that takes no arguments, or an object. Raises OptimizerError."""
    try:
        found = import_string(path)
    except ImportError as error:
        raise OptimizerError(f"“{path}” cannot be imported: {error}.") from error
    try:
        made: PromptOptimizer = found() if isinstance(found, type) else found
    except TypeError as error:
        raise OptimizerError(f"“{path}” cannot be made without arguments: {error}.") from error
    if not callable(getattr(made, "propose", None)):
        raise OptimizerError(f"“{path}” has no method propose(rules, corrections).")
    if not isinstance(getattr(made, "title", None), str) or not made.title:
        raise OptimizerError(f"“{path}” has no title.")
    return made


def choices() -> list[tuple[str, str]]:
    """Path and title of each, in the order of the setting."""
    return [(path, load(path).title) for path in settings.JUDGE_PROMPT_OPTIMIZERS]


def default() -> str:
    """The path of the first one; "" where the setting names none."""
    return next(iter(settings.JUDGE_PROMPT_OPTIMIZERS), "")


def chosen(path: str) -> PromptOptimizer:
    """The optimiser of a path that the setting names, the first for "". Raises ProposalError for another."""
    named: list[str] = settings.JUDGE_PROMPT_OPTIMIZERS
    path = path or default()
    if path not in named:
        raise ProposalError(
            f"“{path}” is no optimiser of this site. JUDGE_PROMPT_OPTIMIZERS has {', '.join(named) or 'none'}.",
            "optimizer",
        )
    return load(path)
