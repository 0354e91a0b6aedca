"""What a model's server is told beyond the OpenAI format."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("recommend", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="languagemodel",
            name="request_options",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Sent with every request to this model, for what its server offers beyond the OpenAI format, "
                'such as {"chat_template_kwargs": {"enable_thinking": false}}.',
            ),
        ),
    ]
