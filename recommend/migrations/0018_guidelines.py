
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommend', '0017_prompt_versions'),
    ]

    operations = [
        migrations.AddField(
            model_name='languagemodel',
            name='guideline_apart',
            field=models.BooleanField(db_default=False, default=False, help_text='Explanations: the style guideline is asked for in a call of its own, before the text. For a model that does not do both well in one answer.'),
        ),
        migrations.AddField(
            model_name='output',
            name='guideline',
            field=models.TextField(blank=True, db_default='', default='', help_text='Explanations: the style guideline that the text follows.'),
        ),
    ]
