"""What all tests share; the services themselves are in tests/support."""

from tests.support.browser import browser, browser_page, live_site, new_page, sign_in
from tests.support.services import (
    celery_worker_process,
    django_db_modify_db_settings,
    empty_cache,
    llm_server,
    stores,
    supervisor,
    web_server,
)

__all__ = [
    "browser",
    "browser_page",
    "celery_worker_process",
    "django_db_modify_db_settings",
    "empty_cache",
    "live_site",
    "llm_server",
    "new_page",
    "sign_in",
    "stores",
    "supervisor",
    "web_server",
]
