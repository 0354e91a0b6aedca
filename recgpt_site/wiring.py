"""What a lower layer causes in a higher one, composed here so that no import points upwards."""

from uuid import UUID

from judge import campaigns
from judge import tasks as judge_tasks
from recgpt_site import auditing, tasks
from recgpt_site.webhooks import listeners, outbox
from recommend import events
from recommend.models import PipelineRun


def connect() -> None:
    """A finished generation is judged and offered to campaigns; signing in and the admin pages are in the audit log."""
    auditing.connect()
    outbox.use_sender(tasks.send_worker)
    listeners.connect()
    events.on_generation_done(judge_and_enrol)


def judge_and_enrol(generation_id: UUID) -> None:
    """Called inside the transaction that finished the generation: what it sends leaves on commit."""
    campaigns.enrol(generation_id)
    run = PipelineRun.objects.get(generations=generation_id)
    judge_tasks.judge_generation.apply_async_on_commit(args=(str(generation_id),), priority=run.task_priority)
