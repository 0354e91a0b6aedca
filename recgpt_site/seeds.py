"""What a fresh installation needs before its first run: roles, rubrics, models, campaigns, and log-ins for a demo."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction

from judge import campaigns
from judge.models import Campaign
from judge.services import seed_rubrics
from recgpt_site.embedded import llama, paths
from recommend import roles
from recommend.models import LanguageModel, Stage
from recommend.registry import Deployment, serve

EMBEDDED_NOTE = (
    "SmolLM2-135M with the project's adapters: a small model that exercises everything and makes mistakes worth "
    "reviewing. It is no measure of what the pipeline can do with a real model; LLM_BASE_URL points at yours."
)
# What its adapter learned (`training.adapter.examples`); a judge's prompt is a matter of its way of being asked.
EMBEDDED_PROMPT_VERSION = "2"
LOGINS_FILE = "demo-logins.json"


@dataclass(frozen=True, slots=True)
class Login:
    """A name and password for the demo, and the role that they open."""

    role: str
    username: str
    password: str


@transaction.atomic
def seed() -> None:
    """Store what is missing; what is there stays as people changed it."""
    for name in roles.ALL:
        Group.objects.get_or_create(name=name)
    seed_rubrics()
    serve(deployments())
    for stage in Stage:
        name = f"{stage.label}: first look"
        if not Campaign.objects.filter(name=name).exists():
            campaigns.start(name=name, stage=stage)


def deployments() -> dict[LanguageModel.Role, Deployment]:
    """role -> the language model that the settings name, the embedded one with the role's adapter."""
    return {role: _embedded(role) if settings.LLM_EMBEDDED else _configured() for role in LanguageModel.Role}


def _embedded(role: LanguageModel.Role) -> Deployment:
    adapter = llama.JUDGE if role == LanguageModel.Role.JUDGE else llama.GENERATOR
    return Deployment(
        name=settings.LLM_MODEL,
        base="SmolLM2-135M-Instruct Q4_1",
        adapter=llama.adapter_version(adapter),
        adapter_options=llama.request_options(adapter),
        history_tokens=352,
        n_interests=6,
        n_tags=8,  # as its adapter was trained
        tag_rounds=1,
        max_tokens=768,
        note=EMBEDDED_NOTE,
        prompt_version="" if role == LanguageModel.Role.JUDGE else EMBEDDED_PROMPT_VERSION,
    )


def _configured() -> Deployment:
    return Deployment(
        name=settings.LLM_MODEL,
        engine=settings.LLM_ENGINE,
        base=settings.VLLM_WEIGHTS,
        adapter="",
        history_tokens=settings.LLM_HISTORY_TOKENS,
        n_interests=20,  # V1 names 16.1 interests per shopper on average
        n_tags=50,  # V1 asks for 50
        tag_rounds=3,  # ours: what the rules reject is made up for
        max_tokens=8192,
        note="",
        request_options=settings.LLM_REQUEST_OPTIONS,
    )


def demo_logins(data_dir: Path = paths.DATA_DIR) -> list[Login]:
    """One log-in per role, made once and kept in a file that only its owner reads.

    Passwords are random, so that a demo that is opened to a network is not open to everybody on it.
    """
    path = data_dir / LOGINS_FILE
    try:
        kept: dict[str, dict[str, str]] = json.loads(path.read_text())
    except FileNotFoundError:
        kept = {role: {"password": secrets.token_urlsafe(9), "hash": ""} for role in roles.ALL}
    hashes = {role: _ensure_user(role, **kept[role]) for role in roles.ALL}
    if any(kept[role]["hash"] != hashes[role] for role in roles.ALL):
        _write(path, {role: {"password": kept[role]["password"], "hash": hashes[role]} for role in roles.ALL})
    return [Login(role, role, kept[role]["password"]) for role in reversed(roles.ALL)]


def _ensure_user(role: str, password: str, hash: str) -> str:
    """A user with this password and role; returns the stored hash. Somebody else's change is taken back."""
    user, _ = User.objects.get_or_create(username=role)
    user.is_superuser = user.is_staff = role == roles.ADMIN
    # Hashing takes a quarter of a second on purpose: only where the stored hash is not the one made from this password.
    if not hash or user.password != hash:
        user.set_password(password)
    user.save()
    user.groups.set([Group.objects.get(name=role)])
    return user.password


def _write(path: Path, content: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(content, file)
