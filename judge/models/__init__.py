"""Tables of the judge."""

from judge.models.assessments import Assessment, AssessmentQuerySet, Gold, Resolution, Withdrawal
from judge.models.backfills import Backfill
from judge.models.campaigns import Assignment, Campaign, CampaignUnit, Tally
from judge.models.checks import Alert, CheckCase, JudgeCheck, Passport
from judge.models.file_imports import FileImport
from judge.models.preferences import Preference
from judge.models.proposals import Proposal, Trial, TrialCase
from judge.models.raters import JudgeProfile, Panel, PanelMember, Rater
from judge.models.rubrics import Criterion, Rubric

__all__ = [
    "Alert",
    "Assessment",
    "AssessmentQuerySet",
    "Assignment",
    "Backfill",
    "Campaign",
    "CampaignUnit",
    "CheckCase",
    "Criterion",
    "FileImport",
    "Gold",
    "JudgeCheck",
    "JudgeProfile",
    "Panel",
    "PanelMember",
    "Passport",
    "Preference",
    "Proposal",
    "Rater",
    "Resolution",
    "Rubric",
    "Tally",
    "Trial",
    "TrialCase",
    "Withdrawal",
]
