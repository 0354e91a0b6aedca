"""Which language model serves which role."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from django.db import transaction

from recommend.models import LanguageModel


@dataclass(frozen=True, slots=True)
class Deployment:
    """A served model as the environment describes it; fields as those of LanguageModel.

    prompt_version   what it was trained with; "": any
    adapter_options  what a request has to say for its server to answer with the adapter
    """

    name: str
    base: str
    adapter: str
    history_tokens: int
    n_interests: int
    n_tags: int
    tag_rounds: int
    max_tokens: int
    note: str
    engine: str = "openai"
    prompt_version: str = ""
    request_options: Mapping[str, Any] = field(default_factory=dict)
    adapter_options: Mapping[str, Any] = field(default_factory=dict)


@transaction.atomic
def serve(deployments: Mapping[LanguageModel.Role, Deployment]) -> list[LanguageModel]:
    """Let the deployed models serve their roles; what served before is retired, not deleted: outputs point at it.

    A row that is there already keeps what an admin changed in it; but which engine has the model, which adapter is
    loaded and what that learned, the environment knows: that is a fact and not a wish.
    """
    rows = []
    for role, deployment in deployments.items():
        values = asdict(deployment)
        adapter_options = values.pop("adapter_options")
        row, _ = LanguageModel.objects.get_or_create(name=deployment.name, role=role, defaults=values)
        others = LanguageModel.objects.filter(role=role, state=LanguageModel.State.SERVING).exclude(pk=row.pk)
        others.update(state=LanguageModel.State.RETIRED)
        row.state = LanguageModel.State.SERVING
        row.engine, row.adapter = deployment.engine, deployment.adapter or row.adapter
        row.prompt_version = deployment.prompt_version or row.prompt_version
        row.request_options = {**row.request_options, **adapter_options}
        row.save(update_fields=["state", "engine", "adapter", "prompt_version", "request_options"])
        rows.append(row)
    return rows
