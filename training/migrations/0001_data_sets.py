"""Data sets and evaluation sets, which PostgreSQL lets nobody change once they are what they are."""

import django.contrib.postgres.fields
import django.db.models.deletion
import django.utils.timezone
import recommend.models.ids
from django.conf import settings
from django.db import migrations, models

# The lease of a finished data set is still put down, and its maker may be deleted: what it says stays.
FIX = """
CREATE FUNCTION training_is_fixed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% of a fixed row of % is refused.', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege', HINT = 'Make another one beside it.';
END $$;
CREATE TRIGGER content_is_fixed BEFORE UPDATE ON training_dataset FOR EACH ROW
    WHEN (OLD.state = 'done' AND (OLD.name, OLD.stage, OLD.query, OLD.state, OLD.n_rows, OLD.counts, OLD.report,
          OLD.sha256, OLD.folder, OLD.manifest, OLD.created_at, OLD.finished_at)
      IS DISTINCT FROM (NEW.name, NEW.stage, NEW.query, NEW.state, NEW.n_rows, NEW.counts, NEW.report,
          NEW.sha256, NEW.folder, NEW.manifest, NEW.created_at, NEW.finished_at))
    EXECUTE FUNCTION training_is_fixed();
CREATE TRIGGER stays BEFORE DELETE ON training_dataset FOR EACH ROW
    WHEN (OLD.state = 'done') EXECUTE FUNCTION training_is_fixed();
CREATE TRIGGER content_is_fixed BEFORE UPDATE ON training_evaluationset FOR EACH ROW
    WHEN ((OLD.name, OLD.query, OLD.shoppers, OLD.starts_on)
      IS DISTINCT FROM (NEW.name, NEW.query, NEW.shoppers, NEW.starts_on))
    EXECUTE FUNCTION training_is_fixed();
CREATE TRIGGER stays BEFORE DELETE ON training_evaluationset FOR EACH ROW EXECUTE FUNCTION training_is_fixed();
"""
FREE = """
DROP TRIGGER content_is_fixed ON training_dataset;
DROP TRIGGER stays ON training_dataset;
DROP TRIGGER content_is_fixed ON training_evaluationset;
DROP TRIGGER stays ON training_evaluationset;
DROP FUNCTION training_is_fixed();
"""


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='DataSet',
            fields=[
                ('id', models.UUIDField(default=recommend.models.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('state', models.CharField(choices=[('queued', 'Queued'), ('running', 'Running'), ('done', 'Done'), ('failed', 'Failed'), ('cancelled', 'Cancelled')], default='queued', max_length=10)),
                ('error', models.TextField(blank=True)),
                ('lease_until', models.DateTimeField(blank=True, help_text='A worker holds it until then.', null=True)),
                ('lease_token', models.UUIDField(blank=True, null=True)),
                ('sent_at', models.DateTimeField(default=django.utils.timezone.now, help_text='When a task was last sent for it.')),
                ('finished_at', models.DateTimeField(blank=True, null=True)),
                ('name', models.CharField(max_length=100)),
                ('stage', models.CharField(choices=[('self-training', 'Self-training'), ('pre-alignment', 'Pre-alignment')], max_length=20)),
                ('query', models.JSONField(help_text='What was asked for, as `training.data_sets.wanted.Wanted` has it.')),
                ('step', models.CharField(blank=True, help_text='What the worker does now, in a word.', max_length=20)),
                ('n_read', models.PositiveIntegerField(default=0, help_text='Generations or shoppers looked at so far.')),
                ('n_rows', models.PositiveIntegerField(default=0)),
                ('counts', models.JSONField(blank=True, default=dict, help_text='{split: rows}')),
                ('report', models.JSONField(blank=True, default=dict, help_text='What was left out why, and distributions.')),
                ('sha256', models.CharField(blank=True, help_text='Of the rows, whatever file they are in.', max_length=64)),
                ('folder', models.CharField(blank=True, help_text='Below TRAINING_DIR.', max_length=100)),
                ('manifest', models.JSONField(blank=True, default=dict, help_text='The same as manifest.json beside the rows.')),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='EvaluationSet',
            fields=[
                ('id', models.UUIDField(default=recommend.models.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('name', models.SlugField(max_length=60, unique=True)),
                ('query', models.TextField(help_text='What chose the shoppers; docs/populations.md has the language.')),
                ('shoppers', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=200), help_text='External ids, as the query chose them then.', size=None)),
                ('starts_on', models.DateField(blank=True, help_text='The first day that is held out. Empty: every day.', null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
            ],
            options={
                'ordering': ['name'],
            },
        ),
        migrations.RunSQL(FIX, FREE),
    ]
