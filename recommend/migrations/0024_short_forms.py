
import django.db.models.deletion
import django.utils.timezone
import recommend.models.ids
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommend', '0023_explanations_ahead'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='ItemShortForm',
            fields=[
                ('item', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='short_form', serialize=False, to='recommend.item')),
                ('stored_at', models.DateTimeField(default=django.utils.timezone.now)),
                ('text', models.CharField(max_length=60)),
                ('item_version', models.CharField(help_text='Of the item that it was made for.', max_length=32)),
                ('prompt_version', models.CharField(max_length=40)),
                ('prompt_sha256', models.CharField(max_length=64)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='recommend.languagemodel')),
            ],
        ),
        migrations.CreateModel(
            name='ShortFormFill',
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
                ('cursor', models.UUIDField(blank=True, help_text='The last item that was asked about.', null=True)),
                ('created_by', models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL)),
                ('model', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='+', to='recommend.languagemodel')),
            ],
            options={
                'ordering': ['-created_at'],
                'constraints': [models.UniqueConstraint(condition=models.Q(('state__in', ('queued', 'running'))), fields=('model',), name='short_form_fill_one_at_a_time')],
            },
        ),
    ]
