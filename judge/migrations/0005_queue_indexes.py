"""Indexes that keep the queue as fast with many finished reviews as with none."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("judge", "0004_campaign_plans")]

    operations = [
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(fields=["annotator", "-created_at"], name="assignment_latest"),
        ),
        migrations.AddIndex(
            model_name="assignment",
            index=models.Index(condition=models.Q(state="leased"), fields=["lease_until"], name="assignment_leases"),
        ),
    ]
