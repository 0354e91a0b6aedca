"""Acknowledging what is wrong with the judge."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from judge import alerts
from judge.models import Alert
from recommend.http import Request
from recommend.roles import LEAD, role_required


@role_required(LEAD)
@require_POST
def alert_acknowledge(request: Request, pk: UUID) -> HttpResponse:
    """A lead has taken notice; the alert leaves the quality page, and its note stays in the list of alerts."""
    alert = get_object_or_404(Alert.objects.select_related("rubric"), pk=pk)
    kept = alerts.acknowledge(alert, by=request.user, note=request.POST.get("note", ""))
    if kept.acknowledged_by == request.user:
        messages.success(request, "Acknowledged. The next change is a new alert.")
    else:
        messages.info(request, f"{kept.acknowledged_by} had acknowledged it already.")
    return redirect(f"{reverse('judge:dashboard')}?kind={alert.rubric.kind}")
