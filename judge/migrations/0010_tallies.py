"""What each person has submitted, counted as it happens, and an index for what they submitted last."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import recommend.models

COUNT = """
INSERT INTO judge_tally (id, created_at, campaign_id, annotator_id, n_submitted)
SELECT uuidv7(), now(), unit.campaign_id, done.annotator_id, count(*)
FROM judge_assignment done JOIN judge_campaignunit unit ON unit.id = done.unit_id
WHERE done.state = 'submitted' GROUP BY unit.campaign_id, done.annotator_id
"""


class Migration(migrations.Migration):
    dependencies = [
        ("judge", "0009_panels"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Tally",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=recommend.models.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("n_submitted", models.PositiveIntegerField()),
                (
                    "annotator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "campaign",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tallies", to="judge.campaign"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "tallies",
                "constraints": [models.UniqueConstraint(fields=("campaign", "annotator"), name="tally_once")],
            },
        ),
        migrations.RunSQL(COUNT, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(
                condition=models.Q(("state", "submitted")),
                fields=["annotator", "-submitted_at"],
                name="assignment_submits",
            ),
        ),
    ]
