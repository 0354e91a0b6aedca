"""The category of a text: the tag-to-category model φ of the V1 report. `fit` makes it, `categories_of` asks it."""

from recommend.categories.fitting import fit
from recommend.categories.model import Category, category_at
from recommend.categories.serving import categories_of

__all__ = ["Category", "categories_of", "category_at", "fit"]
