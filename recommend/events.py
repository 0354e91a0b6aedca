"""Hooks for the layers above: they register here, so that `recommend` needs to know none of them."""

from collections.abc import Callable
from uuid import UUID

Hook = Callable[[UUID], None]
_generation_done: list[Hook] = []
_run_finished: list[Hook] = []
_population_ended: list[Hook] = []


def on_generation_done(hook: Hook) -> None:
    """Call `hook(generation_id)` inside the transaction that finishes a generation. Registering twice is once."""
    if hook not in _generation_done:
        _generation_done.append(hook)


def generation_done(generation_id: UUID) -> None:
    for hook in _generation_done:
        hook(generation_id)


def on_run_finished(hook: Hook) -> None:
    """Call `hook(run_id)` in the transaction that ends a run: done, failed or cancelled. Registering twice is once."""
    if hook not in _run_finished:
        _run_finished.append(hook)


def run_finished(run_id: UUID) -> None:
    for hook in _run_finished:
        hook(run_id)


def on_population_ended(hook: Hook) -> None:
    """Call `hook(population_id)` in the transaction that ends a population job. Registering twice is once."""
    if hook not in _population_ended:
        _population_ended.append(hook)


def population_ended(population_id: UUID) -> None:
    for hook in _population_ended:
        hook(population_id)
