from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recommend", "0019_tag_rounds")]

    operations = [
        migrations.AddField(
            model_name="pipelinerun",
            name="rules",
            field=models.JSONField(
                blank=True,
                db_default={},
                default=dict,
                help_text="What may be offered, where it is not what RETRIEVAL_RULES says.",
            ),
        ),
    ]
