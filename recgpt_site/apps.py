from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps  # the module: Django counts the configurations named here


class StudioAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our door."""

    default = False
    default_site = "recgpt_site.admin_site.StudioAdminSite"


class RecgptSiteConfig(AppConfig):
    default = True
    name = "recgpt_site"
    verbose_name = "RecGPT Studio"

    def ready(self) -> None:
        # The Celery application must exist before a task is sent; Django's set-up is the earliest common moment.
        from recgpt_site import celery, checks, wiring

        wiring.connect()
        assert celery.app is not None
        assert checks.ALL  # imported: registered
