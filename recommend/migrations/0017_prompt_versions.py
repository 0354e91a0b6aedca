from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommend', '0016_fitted_parts'),
    ]

    operations = [
        migrations.AddField(
            model_name='languagemodel',
            name='prompt_version',
            field=models.CharField(blank=True, db_default='', default='', help_text="Of its stage's prompt: for a model that was trained with one. Empty: the newest.", max_length=40),
        ),
        migrations.AddField(
            model_name='pipelinerun',
            name='chosen_prompts',
            field=models.JSONField(blank=True, db_default={}, default=dict, help_text="Stage: version of its prompt, where it is not the model's or the newest."),
        ),
    ]
