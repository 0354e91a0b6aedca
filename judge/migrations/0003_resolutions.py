import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import recommend.models


class Migration(migrations.Migration):

    dependencies = [
        ('judge', '0002_judge_checks'),
        ('recommend', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='Resolution',
            fields=[
                ('id', models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('revision', models.PositiveIntegerField(default=1, help_text='The highest one is in force.')),
                ('labels', models.JSONField(help_text='{criterion name: label value}')),
                ('passed', models.BooleanField(help_text='Every criterion passed.')),
                ('reason', models.TextField()),
                ('by_rater', models.BooleanField(default=False, help_text='Whoever decided had labelled the output themselves.')),
                ('by', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='resolutions', to='recommend.output')),
                ('rubric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to='judge.rubric')),
            ],
            options={
                'ordering': ['output_id', '-revision'],
                'constraints': [
                    models.UniqueConstraint(fields=('output', 'rubric', 'revision'), name='resolution_revision_once'),
                    models.CheckConstraint(condition=models.Q(('reason', ''), _negated=True), name='resolution_has_a_reason'),
                ],
            },
        ),
    ]
