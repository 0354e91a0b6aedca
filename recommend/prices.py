"""What calls cost, by the prices that are kept with each language model."""

from __future__ import annotations

from decimal import Decimal

from recommend.models import LanguageModel

PER = Decimal(1_000_000)


def price(model: LanguageModel, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
    """What so many tokens cost, in the currency of the model's prices; None where it has none and that is not 0."""
    if model.prompt_price is not None and model.completion_price is not None:
        return (prompt_tokens * model.prompt_price + completion_tokens * model.completion_price) / PER
    return None if prompt_tokens + completion_tokens else Decimal(0)
