"""What the tests of judge checks begin with."""

import pytest

from judge import verdicts
from judge.models import Rater
from judge.services import rater_for_model, seed_rubrics
from recommend.models import LanguageModel
from tests.recommend.factories import LanguageModelFactory


@pytest.fixture
def judge() -> Rater:
    """The judge that serves."""
    seed_rubrics()
    model = LanguageModelFactory.create(name="judge-model", role=LanguageModel.Role.JUDGE)
    return rater_for_model(model, verdicts.load_prompt().version)
