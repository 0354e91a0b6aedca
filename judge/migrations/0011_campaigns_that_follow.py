import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("judge", "0010_tallies")]

    operations = [
        migrations.AddField(
            model_name="campaign",
            name="drawn_as",
            field=models.UUIDField(
                blank=True,
                editable=False,
                help_text="The first campaign of those that follow each other: its draw.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="campaign",
            name="follows",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="Whose units are queued again here, under another version of the rubric.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="followers",
                to="judge.campaign",
            ),
        ),
    ]
