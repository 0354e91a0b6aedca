"""What leads type to register and change a webhook."""

from __future__ import annotations

from typing import Any

from django import forms

from recgpt_site.models import Event, Webhook
from recgpt_site.webhooks.services import InvalidWebhookError


class WebhookForm(forms.Form):
    url = forms.URLField(
        label="Address",
        max_length=500,
        assume_scheme="https",
        error_messages={"required": "Give the address that is to be called."},
    )
    events = forms.MultipleChoiceField(
        choices=Event.choices,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose what it is told of: one event or more."},
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in self.errors if self.is_bound else ():
            self.fields[name].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{name}"}

    def add_refusal(self, error: InvalidWebhookError) -> None:
        """Show what the service refused beside the field that it names."""
        self.add_error(error.field, str(error))
        self.fields[error.field].widget.attrs |= {"aria-invalid": "true", "aria-describedby": f"error-{error.field}"}


def initial_of(webhook: Webhook) -> dict[str, Any]:
    """A webhook as the form shows it."""
    return {"url": webhook.url, "events": webhook.events}
