"""The stages that a language model does, each pure: input → messages and schema → parsed output."""

from collections.abc import Mapping

from recommend.prompts import fence


def profile(attributes: Mapping[str, str]) -> str:
    """The shopper's attributes as one fenced line; "unknown" where there are none."""
    line = "; ".join(f"{name} {value}" for name, value in attributes.items())
    return fence("profile", line or "unknown")
