"""The pages of webhooks, for leads: register, see what was delivered, send again, disable."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from django.contrib import messages
from django.db.models import Count, Max, Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from recgpt_site.models import Delivery, Webhook
from recgpt_site.webhooks import services
from recgpt_site.webhooks.forms import WebhookForm, initial_of
from recgpt_site.webhooks.services import InvalidWebhookError
from recommend.http import Request
from recommend.roles import LEAD, role_required

SHOWN = 50  # deliveries on a webhook's page


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
@never_cache
def webhooks(request: Request) -> HttpResponse:
    """All webhooks, and the form for a new one; what comes of a post shows the secret, this once."""
    if request.method == "GET":
        return _list(request, WebhookForm())
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            made, secret = services.register(by=request.user, **form.cleaned_data)
        except InvalidWebhookError as error:
            form.add_refusal(error)
        else:
            return _page(request, made, WebhookForm(initial=initial_of(made)), secret=secret)
    return _list(request, form, HTTPStatus.UNPROCESSABLE_ENTITY)


def _list(request: Request, form: WebhookForm, status: int = HTTPStatus.OK) -> HttpResponse:
    rows = _with_counts(Webhook.objects.all())
    return render(request, "webhooks/list.html", {"rows": rows, "form": form}, status=status)


def _with_counts(found: QuerySet[Webhook]) -> QuerySet[Webhook]:
    state = Delivery.State
    return found.annotate(
        n_delivered=Count("deliveries", filter=Q(deliveries__state=state.DELIVERED)),
        n_pending=Count("deliveries", filter=Q(deliveries__state=state.PENDING)),
        n_failed=Count("deliveries", filter=Q(deliveries__state=state.FAILED)),
        last_at=Max("deliveries__last_attempt_at"),
    )


@role_required(LEAD)
@require_http_methods(["GET", "POST"])
@never_cache
def webhook(request: Request, pk: UUID) -> HttpResponse:
    """One webhook with its newest deliveries; a post changes where it leads and what it is told of."""
    found = get_object_or_404(Webhook, pk=pk)
    if request.method == "GET":
        return _page(request, found, WebhookForm(initial=initial_of(found)))
    form = WebhookForm(request.POST)
    if form.is_valid():
        try:
            services.change(found, **form.cleaned_data)
        except InvalidWebhookError as error:
            form.add_refusal(error)
            found.refresh_from_db()
        else:
            messages.success(request, "Changed. It holds for events from now on, and for what still waits.")
            return redirect(found)
    return _page(request, found, form, status=HTTPStatus.UNPROCESSABLE_ENTITY)


def _page(
    request: Request, found: Webhook, form: WebhookForm, *, secret: str = "", status: int = HTTPStatus.OK
) -> HttpResponse:
    context = {
        "webhook": _with_counts(Webhook.objects.select_related("created_by")).get(pk=found.pk),
        "form": form,
        "secret": secret,
        "deliveries": found.deliveries.all()[:SHOWN],
        "shown": SHOWN,
    }
    return render(request, "webhooks/webhook.html", context, status=status)


@role_required(LEAD)
@require_POST
def webhook_state(request: Request, pk: UUID) -> HttpResponse:
    """Enable or disable."""
    found = get_object_or_404(Webhook, pk=pk)
    services.change(found, is_active=request.POST.get("state") == "active")
    if found.is_active:
        messages.success(request, "Enabled. What has waited is delivered now.")
    else:
        messages.success(request, "Disabled. Nothing is sent; new events are not kept for it.")
    return redirect(found)


@role_required(LEAD)
@require_POST
@never_cache
def webhook_secret(request: Request, pk: UUID) -> HttpResponse:
    """Sign with a new secret, shown this once."""
    found = get_object_or_404(Webhook, pk=pk)
    secret = services.renew_secret(found)
    return _page(request, found, WebhookForm(initial=initial_of(found)), secret=secret)


@role_required(LEAD)
@require_POST
def webhook_ping(request: Request, pk: UUID) -> HttpResponse:
    """Send a test."""
    found = get_object_or_404(Webhook, pk=pk)
    services.ping(found)
    if found.is_active:
        messages.success(request, "A test is on its way. Reload in a moment to see the answer.")
    else:
        messages.warning(request, "The test waits, since the webhook is disabled. Enable it to have it sent.")
    return redirect(found)


@role_required(LEAD)
@require_POST
def webhook_delete(request: Request, pk: UUID) -> HttpResponse:
    """Forget it; the page has asked before."""
    services.delete(get_object_or_404(Webhook, pk=pk))
    messages.success(request, "The webhook is deleted, and its deliveries with it.")
    return redirect("webhooks")


@role_required(LEAD)
@require_POST
def delivery_resend(request: Request, pk: UUID) -> HttpResponse:
    """Send a delivery again."""
    found = get_object_or_404(Delivery.objects.select_related("webhook"), pk=pk)
    services.resend(found)
    if found.webhook.is_active:
        messages.success(request, "It is on its way again. Reload in a moment to see the answer.")
    else:
        messages.warning(request, "It waits, since the webhook is disabled. Enable it to have it sent.")
    return redirect(found.webhook)
