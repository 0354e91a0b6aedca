
import django.db.models.deletion
import django.db.models.functions.comparison
import django.utils.timezone
import recommend.models.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommend', '0022_towers'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='recommendation',
            name='explanation',
            field=models.ForeignKey(blank=True, help_text="One that was made ahead and looked up; one that was made for the run is the run's own output.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='shown_with', to='recommend.output'),
        ),
        migrations.AddField(
            model_name='pipelinerun',
            name='explanation_source',
            field=models.CharField(choices=[('made', 'Made for the run'), ('stored', 'Stored ones only'), ('stored_or_made', 'Stored ones, the others made')], db_default='made', default='made', help_text='Where its explanations are from.', max_length=14),
        ),
        migrations.CreateModel(
            name='ExplanationFill',
            fields=[
                ('id', models.UUIDField(default=recommend.models.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('error', models.TextField(blank=True)),
                ('lease_until', models.DateTimeField(blank=True, help_text='A worker holds it until then.', null=True)),
                ('lease_token', models.UUIDField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When a task was last sent for it.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('paused_at', models.DateTimeField(blank=True, null=True)),
                ('n_wanted', models.PositiveIntegerField(blank=True, help_text='Empty until it was written down.', null=True)),
                ('n_made', models.PositiveIntegerField(default=0)),
                ('n_rejected', models.PositiveIntegerField(default=0, help_text='Made, and rejected by a rule.')),
                ('n_failed', models.PositiveIntegerField(default=0, help_text='The model gave no answer of use.')),
                ('prompt_tokens', models.PositiveBigIntegerField(default=0)),
                ('completion_tokens', models.PositiveBigIntegerField(default=0)),
                ('language', models.CharField(choices=[('en', 'English'), ('zh', 'Chinese'), ('cs', 'Czech'), ('da', 'Danish'), ('de', 'German'), ('es', 'Spanish'), ('fi', 'Finnish'), ('fr', 'French'), ('hu', 'Hungarian'), ('it', 'Italian'), ('nl', 'Dutch'), ('no', 'Norwegian'), ('pl', 'Polish'), ('pt', 'Portuguese'), ('ro', 'Romanian'), ('sv', 'Swedish'), ('tr', 'Turkish'), ('uk', 'Ukrainian')], default='en', max_length=8)),
                ('n_interests', models.PositiveIntegerField(help_text="The most common of so many shoppers' interests.")),
                ('n_items', models.PositiveIntegerField(help_text='Of each interest, the most popular.')),
                ('days', models.PositiveIntegerField(help_text='Interests that were found so many days ago at most.')),
                ('max_age_days', models.PositiveIntegerField(help_text='What is older is made anew.')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.AddField(
            model_name='pipelinerun',
            name='explanation_fill',
            field=models.ForeignKey(blank=True, help_text="The job that made its explanations ahead, where it is one's.", null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='runs', to='recommend.explanationfill'),
        ),
        migrations.CreateModel(
            name='StoredExplanation',
            fields=[
                ('id', models.BigAutoField(primary_key=True, serialize=False)),
                ('stored_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When it was made, or last made anew.')),
                ('interest', models.CharField(help_text='As `rules.normal_form` writes it.', max_length=100)),
                ('language', models.CharField(choices=[('en', 'English'), ('zh', 'Chinese'), ('cs', 'Czech'), ('da', 'Danish'), ('de', 'German'), ('es', 'Spanish'), ('fi', 'Finnish'), ('fr', 'French'), ('hu', 'Hungarian'), ('it', 'Italian'), ('nl', 'Dutch'), ('no', 'Norwegian'), ('pl', 'Polish'), ('pt', 'Portuguese'), ('ro', 'Romanian'), ('sv', 'Swedish'), ('tr', 'Turkish'), ('uk', 'Ukrainian')], max_length=8)),
                ('item_version', models.CharField(help_text='Of the item that it was made for.', max_length=32)),
                ('item', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='recommend.item')),
                ('output', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='recommend.output')),
            ],
        ),
        migrations.AddConstraint(
            model_name='explanationfill',
            constraint=models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('language',), name='explanation_fill_one_at_a_time'),
        ),
        migrations.AddField(
            model_name='item',
            name='version',
            field=models.GeneratedField(db_persist=True, expression=models.Func(models.F('title'), models.F('brand'), django.db.models.functions.comparison.Cast(models.Func(models.F('category'), 0, function='hash_array_extended', output_field=models.BigIntegerField()), models.TextField()), django.db.models.functions.comparison.Cast(models.Func(models.F('attributes'), output_field=models.JSONField(), template="(%(expressions)s - 'in_stock')"), models.TextField()), arg_joiner=' || chr(31) || ', template='md5(%(expressions)s)'), help_text='Another one as soon as the item is another: what a model said of it holds for one version.', output_field=models.CharField(max_length=32)),
        ),
        migrations.AddConstraint(
            model_name='storedexplanation',
            constraint=models.UniqueConstraint(fields=('item', 'interest', 'language'), name='stored_explanation_once'),
        ),
    ]
