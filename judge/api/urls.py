"""The judge's parts of the API; `recgpt_site` puts them under /api/v1/."""

from rest_framework.routers import SimpleRouter

from judge.api import (
    adjudication,
    alerts,
    assignments,
    backfills,
    checks,
    consensus,
    figures,
    file_imports,
    gold,
    judges,
    proposals,
    rubrics,
    views,
)


def register(router: SimpleRouter) -> None:
    # First: what is asked most often is found soonest.
    router.register("assignments", assignments.AssignmentViewSet, basename="assignment")
    router.register("campaigns", views.CampaignViewSet, basename="campaign")
    router.register("rubrics", rubrics.RubricViewSet, basename="rubric")
    router.register("assessments", views.AssessmentViewSet, basename="assessment")
    router.register("imports", file_imports.FileImportViewSet, basename="import")
    router.register("figures", figures.FiguresViewSet, basename="figure")
    router.register("gold", gold.GoldViewSet, basename="gold")
    router.register("annotators", gold.AnnotatorViewSet, basename="annotator")
    router.register("disagreements", adjudication.DisagreementViewSet, basename="disagreement")
    router.register("consensus", consensus.ConsensusViewSet, basename="consensus")
    router.register("judge-models", judges.JudgeModelViewSet, basename="judge-model")
    router.register("prompt-proposals", proposals.ProposalViewSet, basename="prompt-proposal")
    router.register("prompt-trials", proposals.TrialViewSet, basename="prompt-trial")
    router.register("panels", judges.PanelViewSet, basename="panel")
    router.register("judge-costs", judges.JudgeCostViewSet, basename="judge-cost")
    router.register("backfills", backfills.BackfillViewSet, basename="backfill")
    router.register("alerts", alerts.AlertViewSet, basename="alert")
    router.register("judge-checks", checks.JudgeCheckViewSet, basename="judge-check")
    router.register("passports", checks.PassportViewSet, basename="passport")
