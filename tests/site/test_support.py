"""The fixtures that other tests lean on."""

import httpx
import pytest
from playwright.sync_api import expect

from recgpt_site.celery import app
from recgpt_site.embedded import paths


@pytest.mark.django_db(transaction=True)
def test_worker_process_answers_and_is_gone_after_kill_9(celery_worker_process):
    worker = celery_worker_process()
    before = app.control.ping(timeout=1)
    worker.kill()
    after = app.control.ping(timeout=1)

    assert before == [{f"test-0@{paths.instance()}": {"ok": "pong"}}]
    assert after == []
    assert not worker.group_lives()


@pytest.mark.llm
def test_language_model_server_answers_in_the_schema(llm_server):
    schema = {"type": "object", "properties": {"interest": {"type": "string"}}, "required": ["interest"]}
    request = {
        "model": paths.LLM_MODEL_NAME,
        "messages": [{"role": "user", "content": "Name one interest of somebody who buys diapers."}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}},
        "max_tokens": 64,
        "seed": 1,
    }

    reply = httpx.post(f"{llm_server}/chat/completions", json=request, timeout=60)

    assert reply.status_code == 200
    assert '"interest"' in reply.json()["choices"][0]["message"]["content"]


@pytest.mark.browser
def test_browser_signs_in(browser_page, sign_in, django_user_model):
    sign_in(browser_page, django_user_model.objects.create_user("annotator-1"))

    browser_page.goto("/")

    expect(browser_page.locator("body")).to_contain_text("annotator-1")
