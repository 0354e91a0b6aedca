"""The Celery application; workers start with `celery -A recgpt_site worker`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "recgpt_site.settings")

app = Celery("recgpt_site")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
