"""Pages of review and quality."""

from django.urls import path

from judge import (
    adjudication_views,
    campaign_views,
    checks_views,
    consensus_views,
    exchange_views,
    quality_views,
    views,
)

app_name = "judge"
urlpatterns = [
    path("review/", views.review, name="review"),
    path("review/campaigns/<uuid:pk>/next/", views.campaign_next, name="campaign-next"),
    path("review/assignments/<uuid:pk>/", views.assignment, name="assignment"),
    path("review/assignments/<uuid:pk>/draft/", views.assignment_draft, name="assignment-draft"),
    path("review/assignments/<uuid:pk>/heartbeat/", views.assignment_heartbeat, name="assignment-heartbeat"),
    path("review/assignments/<uuid:pk>/submit/", views.assignment_submit, name="assignment-submit"),
    path("review/assignments/<uuid:pk>/undo/", views.assignment_undo, name="assignment-undo"),
    path("review/assignments/<uuid:pk>/revise/", views.assignment_revise, name="assignment-revise"),
    path("review/assignments/<uuid:pk>/skip/", views.assignment_skip, name="assignment-skip"),
    path("review/assignments/<uuid:pk>/flag/", views.assignment_flag, name="assignment-flag"),
    path("review/assignments/<uuid:pk>/release/", views.assignment_release, name="assignment-release"),
    path("review/runs/<uuid:pk>/labels/", views.run_labels, name="run-labels"),
    path("campaigns/", campaign_views.campaign_list, name="campaigns"),
    path("campaigns/new/", campaign_views.campaign_new, name="campaign-new"),
    path("campaigns/preview/", campaign_views.campaign_preview, name="campaign-preview"),
    path("campaigns/<uuid:pk>/", campaign_views.campaign, name="campaign"),
    path("campaigns/<uuid:pk>/extend/", campaign_views.campaign_extend, name="campaign-extend"),
    path("campaigns/<uuid:pk>/state/", campaign_views.campaign_state, name="campaign-state"),
    path("dashboard/", quality_views.dashboard, name="dashboard"),
    path("dashboard/outputs/", quality_views.cell_outputs, name="cell-outputs"),
    path("dashboard/figures/<slug:name>.csv", quality_views.figure_file, name="figure-file"),
    path("dashboard/export/", exchange_views.export, name="export"),
    path("dashboard/export/file/", exchange_views.export_file, name="export-file"),
    path("dashboard/consensus/", consensus_views.consensus, name="consensus"),
    path("dashboard/consensus/<slug:name>.csv", consensus_views.consensus_file, name="consensus-file"),
    path("dashboard/adjudication/", adjudication_views.adjudication, name="adjudication"),
    path("dashboard/adjudication/<uuid:pk>/", adjudication_views.adjudication_output, name="adjudication-output"),
    path(
        "dashboard/adjudication/<uuid:pk>/resolve/",
        adjudication_views.adjudication_resolve,
        name="adjudication-resolve",
    ),
    path("dashboard/passports/", checks_views.passports, name="passports"),
    path("dashboard/passports/checks/", checks_views.check_start, name="check-start"),
    path("dashboard/passports/checks/<uuid:pk>/", checks_views.check, name="check"),
    path("dashboard/passports/checks/<uuid:pk>/cancel/", checks_views.check_cancel, name="check-cancel"),
]
