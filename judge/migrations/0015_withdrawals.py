import django.db.models.deletion
from django.db import migrations, models

import recommend.models


class Migration(migrations.Migration):

    dependencies = [
        ('judge', '0014_file_imports'),
    ]

    operations = [
        migrations.CreateModel(
            name='Withdrawal',
            fields=[
                ('id', models.UUIDField(default=recommend.models.new_id, editable=False, primary_key=True, serialize=False)),
                ('created_at', models.DateTimeField(auto_now_add=True)),
                ('submitted_at', models.DateTimeField()),
                ('labels', models.JSONField(help_text='{output id: {labels, comment, seconds}}')),
                ('assignment', models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name='withdrawals', to='judge.assignment')),
            ],
            options={
                'ordering': ['-created_at'],
            },
        ),
    ]
