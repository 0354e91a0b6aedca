"""What can be bought, and by whom."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import URLValidator
from django.db import models
from django.db.models import BigIntegerField, Case, F, Func, JSONField, TextField, When
from django.db.models.functions import Cast, Lower
from pgvector.django import HalfVectorField

from recommend.models.ids import new_id

EMBEDDING_DIMENSIONS = 384  # all-MiniLM-L6-v2


class TextEmbedding(models.Model):
    """The sentence embedding of one item text.

    Catalogues repeat themselves: many items differ in size and brand only. One vector per distinct text keeps
    the vector table as small as the catalogue's vocabulary.
    """

    id = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(auto_now_add=True)
    text = models.TextField()
    model = models.CharField(max_length=100, help_text="The embedding model that made the vector.")
    embedding = HalfVectorField(dimensions=EMBEDDING_DIMENSIONS)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["model", "text"], name="text_embedding_once")]

    def __str__(self) -> str:
        return self.text


# What histories call an item: a model's short form of its present version, else its own.
ITEM_NAME = Case(When(short_form__item_version=F("version"), then=F("short_form__text")), default=F("short_text"))


class Item(models.Model):
    """One thing that can be bought."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    sku = models.CharField(max_length=100, unique=True)
    title = models.TextField()
    category = ArrayField(models.CharField(max_length=200), default=list, help_text="Path, broadest first.")
    brand = models.CharField(max_length=200, blank=True)
    price = models.DecimalField(max_digits=12, decimal_places=2, null=True, blank=True)
    image_url = models.CharField(
        max_length=500,
        blank=True,
        db_default="",
        validators=[URLValidator(schemes=["https"])],
        help_text="Picture, by https. Shown where ITEM_IMAGE_HOSTS allows its host.",
    )
    attributes = models.JSONField(default=dict, blank=True)
    short_text = models.CharField(max_length=200, help_text="Item-level compression: how a history names it.")
    n_behaviors = models.PositiveIntegerField(default=0, help_text="Popularity, counted when retrieval is fitted.")
    text_embedding = models.ForeignKey(
        TextEmbedding, null=True, blank=True, on_delete=models.SET_NULL, related_name="items"
    )
    version = models.GeneratedField(
        expression=Func(
            F("title"),
            F("brand"),
            # A category has no text that PostgreSQL would call the same for ever; its hash is.
            Cast(Func(F("category"), 0, function="hash_array_extended", output_field=BigIntegerField()), TextField()),
            # Whether it is in stock says nothing of what it is, and changes all day.
            Cast(
                Func(F("attributes"), template="(%(expressions)s - 'in_stock')", output_field=JSONField()), TextField()
            ),
            template="md5(%(expressions)s)",
            arg_joiner=" || chr(31) || ",
        ),
        output_field=models.CharField(max_length=32),
        db_persist=True,
        help_text="Another one as soon as the item is another: what a model said of it holds for one version.",
    )

    class Meta:
        indexes = [
            models.Index(fields=["short_text"], name="item_short_text"),
            models.Index(Lower("brand"), name="item_brand"),  # tags are looked through for brands
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def picture(self) -> str:
        """Where a page may load the item's picture from; "" where there is none, or from a host that is not allowed."""
        url = urlsplit(self.image_url)
        return self.image_url if url.scheme == "https" and url.netloc in settings.ITEM_IMAGE_HOSTS else ""

    @property
    def semantic_text(self) -> str:
        """What the item is, without size and brand: the text that is embedded."""
        return ", ".join(self.category[1:]) or self.title


class ShopperQuerySet(models.QuerySet["Shopper"]):
    def known(self) -> ShopperQuerySet:
        """Shoppers whose behaviours are stored: all but the guests of single requests."""
        return self.filter(is_guest=False)


class Shopper(models.Model):
    """A person or household whose behaviour is known; never a login user.

    A guest is one whose history came with a request. It has a row, so that runs, generations and statistics by shopper
    need no second way, and a `GuestHistory` in the place of behaviours; nothing that goes over shoppers sees it.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    external_id = models.CharField(max_length=200, unique=True)
    attributes = models.JSONField(default=dict, blank=True)
    n_behaviors = models.PositiveIntegerField(default=0)
    last_behavior_at = models.DateTimeField(null=True, blank=True)
    is_guest = models.BooleanField(
        default=False, db_default=False, help_text="Its history came with a request, and is of no other use."
    )

    objects = ShopperQuerySet.as_manager()

    class Meta:
        ordering = ["external_id"]
        constraints = [
            # Stored behaviours would be read by nobody, and would teach retrieval what a visitor typed.
            models.CheckConstraint(
                condition=models.Q(is_guest=False) | models.Q(last_behavior_at__isnull=True),
                name="guest_has_no_stored_behaviors",
            )
        ]

    def __str__(self) -> str:
        return self.external_id

    @property
    def label(self) -> str:
        """What pages call it."""
        return f"Guest {self.external_id[6:14]}" if self.is_guest else f"Shopper {self.external_id}"
