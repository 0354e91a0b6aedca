import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


def date_fixed(apps, schema_editor):
    """What was stored before there were drafts was fixed when it was stored."""
    apps.get_model("judge", "Rubric").objects.update(fixed_at=models.F("created_at"))


class Migration(migrations.Migration):

    dependencies = [
        ('judge', '0007_gold'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name='rubric',
            name='rubric_version_once',
        ),
        migrations.AddField(
            model_name='criterion',
            name='examples',
            field=models.JSONField(blank=True, default=list, help_text='[{text, label, reason, output, shopper}]: what judges are shown; the last two are ids.'),
        ),
        migrations.AddField(
            model_name='rubric',
            name='created_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rubric',
            name='edition',
            field=models.PositiveIntegerField(default=0, help_text='Rises with every save of a draft; a stale one is refused.'),
        ),
        migrations.AddField(
            model_name='rubric',
            name='fixed_at',
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name='rubric',
            name='fixed_by',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AddField(
            model_name='rubric',
            name='in_use_since',
            field=models.DateTimeField(blank=True, default=django.utils.timezone.now, help_text='Judges go by the latest of their kind. Empty: not yet.', null=True),
        ),
        migrations.AddField(
            model_name='rubric',
            name='made_from',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='judge.rubric'),
        ),
        migrations.AlterField(
            model_name='campaign',
            name='rubric',
            field=models.ForeignKey(limit_choices_to={'version__gt': 0}, on_delete=django.db.models.deletion.PROTECT, to='judge.rubric'),
        ),
        migrations.AlterField(
            model_name='rubric',
            name='guideline',
            field=models.TextField(blank=True, help_text='Markdown; shown beside the work.'),
        ),
        migrations.AlterField(
            model_name='rubric',
            name='version',
            field=models.PositiveIntegerField(default=0, help_text='0: a draft.'),
        ),
        migrations.AddConstraint(
            model_name='rubric',
            constraint=models.UniqueConstraint(condition=models.Q(('version__gt', 0)), fields=('kind', 'version'), name='rubric_version_once'),
        ),
        migrations.RunPython(date_fixed, migrations.RunPython.noop),
    ]
