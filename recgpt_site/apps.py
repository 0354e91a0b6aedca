from django.apps import AppConfig


class RecgptSiteConfig(AppConfig):
    name = "recgpt_site"
    verbose_name = "RecGPT Studio"

    def ready(self) -> None:
        # The Celery application must exist before a task is sent; Django's set-up is the earliest common moment.
        from recgpt_site import celery, checks, wiring

        wiring.connect()
        assert celery.app is not None
        assert checks.ALL  # imported: registered
