"""Gold: generations whose right labels are known, mixed into campaigns."""

import django.db.models.deletion
import recommend.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("judge", "0006_judge_profiles"),
        ("recommend", "0002_language_model_request_options"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Gold",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=recommend.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "labels",
                    models.JSONField(help_text="{output id: {criterion name: label value}} for every kept output."),
                ),
                (
                    "source",
                    models.CharField(
                        choices=[("resolved", "From resolutions"), ("review", "From a review"), ("hand", "By hand")],
                        max_length=10,
                    ),
                ),
                ("reason", models.TextField(blank=True, help_text="Why these labels are right.")),
                ("withdrawn_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "gold",
                "ordering": ["-created_at"],
            },
        ),
        migrations.RemoveConstraint(
            model_name="campaignunit",
            name="campaign_unit_once",
        ),
        migrations.RemoveConstraint(
            model_name="campaignunit",
            name="campaign_unit_probability_0_to_1",
        ),
        migrations.AddField(
            model_name="campaign",
            name="gold_bar",
            field=models.FloatField(
                blank=True, help_text="Gold accuracy asked of annotators, 0 to 1. Empty: the site's.", null=True
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="gold_share",
            field=models.FloatField(
                default=0.0, help_text="Share of a person's screens that are gold units, 0 to 0.5."
            ),
        ),
        migrations.AddField(
            model_name="campaignunit",
            name="is_gold",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="campaignunit",
            name="inclusion_probability",
            field=models.FloatField(blank=True, help_text="Empty for a gold unit: nobody drew it.", null=True),
        ),
        migrations.AlterField(
            model_name="campaignunit",
            name="n_taken",
            field=models.PositiveIntegerField(
                default=0, help_text="Places leased or submitted: at most the overlap, of a gold unit any number."
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(("gold_share__gte", 0), ("gold_share__lte", 0.5)), name="campaign_gold_share_to_half"
            ),
        ),
        migrations.AddConstraint(
            model_name="campaign",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("gold_bar__isnull", True), models.Q(("gold_bar__gt", 0), ("gold_bar__lte", 1)), _connector="OR"
                ),
                name="campaign_gold_bar_0_to_1",
            ),
        ),
        migrations.AddConstraint(
            model_name="campaignunit",
            constraint=models.UniqueConstraint(fields=("campaign", "generation", "is_gold"), name="campaign_unit_once"),
        ),
        migrations.AddConstraint(
            model_name="campaignunit",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("inclusion_probability__isnull", True), ("is_gold", True)),
                    models.Q(
                        ("inclusion_probability__gt", 0),
                        ("inclusion_probability__isnull", False),
                        ("inclusion_probability__lte", 1),
                        ("is_gold", False),
                    ),
                    _connector="OR",
                ),
                name="campaign_unit_probability_0_to_1",
            ),
        ),
        migrations.AddField(
            model_name="gold",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="gold",
            name="generation",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="gold", to="recommend.generation"
            ),
        ),
        migrations.AddField(
            model_name="gold",
            name="rubric",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="judge.rubric"),
        ),
        migrations.AddConstraint(
            model_name="gold",
            constraint=models.UniqueConstraint(
                condition=models.Q(("withdrawn_at__isnull", True)),
                fields=("generation", "rubric"),
                name="gold_in_force_once",
            ),
        ),
    ]
