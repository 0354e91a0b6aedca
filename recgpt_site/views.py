"""The front door and the health check."""

from django.contrib.auth.decorators import login_required
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from recommend.roles import ANNOTATOR, LEAD, has_role


@login_required
@require_GET
@never_cache
def home(request: HttpRequest) -> HttpResponse:
    """Everybody's work: a lead's is the dashboard, an annotator's the queue, anybody else's the demo."""
    if has_role(request.user, LEAD):
        return redirect("judge:dashboard")
    if has_role(request.user, ANNOTATOR):
        return redirect("judge:review")
    return redirect("recommend:demo")


@require_GET
@never_cache
def healthz(request: HttpRequest) -> JsonResponse:
    """200 where this process reaches its database, else 503; says no more, since anybody may ask."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return JsonResponse({"status": "the database does not answer"}, status=503)
    return JsonResponse({"status": "ok"})
