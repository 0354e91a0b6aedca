from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('recommend', '0010_vector_indexes'),
    ]

    operations = [
        migrations.AddField(
            model_name='recommendation',
            name='arm',
            field=models.CharField(blank=True, choices=[('collaborative', 'Collaborative'), ('semantic', 'Semantic'), ('both', 'Both')], db_default='', default='', help_text='The arm that brought it. Empty: from before that was kept.', max_length=13),
        ),
    ]
