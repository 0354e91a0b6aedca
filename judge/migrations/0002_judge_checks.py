import django.db.models.deletion
import django.utils.timezone
import recommend.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('judge', '0001_initial'),
        ('recommend', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='JudgeCheck',
            fields=[
                ('id', models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('budget', models.PositiveIntegerField(help_text='Most questions that the judge is asked.')),
                ('seed', models.PositiveIntegerField(default=0, help_text='Of the sample and of what is planted.')),
                ('version', models.JSONField(help_text='Model, adapter and prompt of the judge when the check began.')),
                ('injections_planned', models.BooleanField(default=False, help_text='They build on answers, so they come last.')),
                ('error', models.TextField(blank=True)),
                ('lease_until', models.DateTimeField(blank=True, help_text='A worker holds the check until then.', null=True)),
                ('lease_token', models.UUIDField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When a task was last sent for it.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checks', to='judge.rater')),
                ('rubric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='checks', to='judge.rubric')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='CheckCase',
            fields=[
                ('id', models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('key', models.CharField(help_text='Names the question within its check.', max_length=120)),
                ('probe', models.CharField(choices=[('base', 'As it is'), ('planted', 'Planted defect'), ('repeat', 'Asked again'), ('warm', 'Asked again at a small temperature'), ('reversed', 'Criteria in reversed order'), ('longer', 'Said twice'), ('injected_output', 'Order to the judge in the output'), ('injected_evidence', 'Order to the judge in an item title')], max_length=20)),
                ('defect', models.CharField(blank=True, max_length=40)),
                ('criterion', models.CharField(blank=True, help_text='The one that the defect breaks.', max_length=40)),
                ('question', models.JSONField(help_text='What the judge reads, and in which order it is asked.')),
                ('temperature', models.FloatField(default=0.0)),
                ('answered_at', models.DateTimeField(blank=True, null=True)),
                ('labels', models.JSONField(default=dict, help_text='{criterion: label}; empty where the answer was of no use.')),
                ('passed', models.BooleanField(help_text='Every criterion passed; empty without labels.', null=True)),
                ('rationale', models.TextField(blank=True)),
                ('probabilities', models.JSONField(blank=True, default=dict)),
                ('seconds', models.FloatField(default=0.0)),
                ('raw_text', models.TextField(blank=True)),
                ('error', models.TextField(blank=True)),
                ('compared_with', models.ForeignKey(blank=True, help_text='The question that this one is a variant of.', null=True, on_delete=django.db.models.deletion.CASCADE, to='judge.checkcase')),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='check_cases', to='recommend.output')),
                ('judge_check', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='cases', to='judge.judgecheck')),
            ],
            options={
                'ordering': ['judge_check_id', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Passport',
            fields=[
                ('id', models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('version', models.JSONField(help_text='Model, adapter and prompt of the judge.')),
                ('figures', models.JSONField(help_text='Estimates by criterion, defect and check, with interval and n.')),
                ('measured_on', models.JSONField(help_text='Outputs, shoppers, generating models, campaigns, and their dates.')),
                ('judge_check', models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, related_name='passport', to='judge.judgecheck')),
                ('rater', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='passports', to='judge.rater')),
                ('rubric', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='passports', to='judge.rubric')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddConstraint(
            model_name='judgecheck',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ['queued', 'running'])), fields=('rater', 'rubric'), name='judge_check_one_at_a_time'),
        ),
        migrations.AddConstraint(
            model_name='checkcase',
            constraint=models.UniqueConstraint(fields=('judge_check', 'key'), name='check_case_once'),
        ),
        migrations.AddIndex(
            model_name='passport',
            index=models.Index(fields=['rater', 'rubric', '-created_at'], name='passport_newest'),
        ),
    ]
