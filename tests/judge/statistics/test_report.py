"""The report that the dashboard shows: what is compared with what, and what its sentences say."""

from dataclasses import replace

import numpy as np
import pytest

from judge.statistics.agreement import raw_agreement
from judge.statistics.intervals import Estimate
from judge.statistics.rates import population
from judge.statistics.report import OVERALL, ReviewedLabel, agreement_report
from judge.statistics.wording import (
    coefficient_sentence,
    corrected_rate_sentence,
    judge_rate_sentence,
    share_sentence,
)
from tests.judge.statistics.figures import limits, value

SCALES = {"relevance": ("Yes", "No"), "validity": ("Yes", "No")}


def label(output, criterion, human, judge, *, cluster=None, rater="a", inclusion=0.5):
    return ReviewedLabel(
        output, cluster or output, criterion, human, judge, human == "Yes", judge == "Yes", inclusion, rater
    )


def reviews(n=60, seed=0):
    """n outputs of n shoppers on two criteria; the judge passes nearly everything, people fail a third."""
    rng = np.random.default_rng(seed)
    return [
        label(f"o{i}", criterion, "Yes" if rng.random() < 0.8 else "No", "Yes" if rng.random() < 0.95 else "No")
        for i in range(n)
        for criterion in SCALES
    ]


def judged(rows, criterion, n_more=60):
    """What the judge said about the reviewed outputs, and Yes to n_more that nobody reviewed."""
    said = [(row.cluster, row.judge_passed) for row in rows if row.criterion == criterion]
    said += [(f"other {i}", True) for i in range(n_more)]
    return population(*zip(*said, strict=True))


def test_each_criterion_is_compared_on_its_own():
    rows = [
        label("o1", "relevance", "Yes", "Yes"),
        label("o2", "relevance", "No", "Yes"),
        label("o1", "validity", "Yes", "Yes"),
    ]

    relevance, validity = agreement_report(rows, {}, SCALES).criteria

    assert (relevance.name, relevance.n, relevance.agreement.value) == ("relevance", 2, 0.5)
    assert relevance.confusion.counts == ((1, 0), (1, 0))
    assert relevance.tnr.value == 0
    assert (validity.n, validity.agreement.value, validity.tnr.note) == (1, 1, "people failed none of it")


def test_overall_an_output_passes_where_it_passes_every_criterion():
    rows = [
        label("o1", "relevance", "Yes", "Yes"),
        label("o1", "validity", "No", "Yes"),
        label("o2", "relevance", "Yes", "Yes"),
        label("o2", "validity", "Yes", "Yes"),
    ]

    overall = agreement_report(rows, {}, SCALES).overall

    assert overall.confusion.labels == ("pass", "fail")
    assert overall.confusion.counts == ((1, 0), (1, 0))


def test_an_output_that_was_half_rated_does_not_count_overall():
    report = agreement_report([label("o1", "relevance", "Yes", "Yes")], {}, SCALES)

    assert report.overall.n == 0
    assert report.overall.agreement.note == "nothing was compared"
    assert report.criteria[0].n == 1


def test_several_people_on_one_output_are_pairs_of_their_own_but_one_label_for_the_rates():
    rows = reviews()
    rows += [replace(row, rater="b", human_label="No", human_passed=False) for row in rows if row.output == "o3"]
    first = agreement_report(rows, {"relevance": judged(rows, "relevance")}, SCALES).criteria[0]

    assert (first.n, first.n_outputs, first.human_rate.n, first.corrected_rate.n) == (61, 60, 60, 60)
    assert agreement_report(rows, {}, SCALES).overall.n == 61


def test_a_report_names_the_lenient_judge_and_says_what_it_takes():
    rows = reviews(200)
    report = agreement_report(rows, {name: judged(rows, name, 400) for name in SCALES}, SCALES)
    relevance = report.criteria[0]

    assert value(relevance.judge_rate) > limits(relevance.corrected_rate)[1]
    assert relevance.sentences["judge_rate"].endswith("It is lenient, so the corrected figure is the one to use.")
    assert "from 600 judged and 200 reviewed" in relevance.sentences["corrected_rate"]
    assert "more labels bring the interval to ±3 points" in relevance.sentences["corrected_rate"]
    assert (relevance.more_labels or 0) > 0
    assert relevance.scope_warning == ""
    assert relevance.prevalence_warning.endswith("read AC1 and the true negative rate instead.")
    assert report.overall.corrected_rate.note == "it is not known what else the judge judged"


def test_labels_of_unknown_probability_are_compared_but_carry_no_rate():
    rows = [replace(row, inclusion_probability=None) for row in reviews()]
    overall = agreement_report(rows, {OVERALL: judged(rows, "relevance")}, SCALES).overall

    assert overall.agreement.value is not None
    assert "reviewed outputs only" in overall.scope_warning
    assert overall.human_rate.value is overall.corrected_rate.value is None
    assert overall.sentences["corrected_rate"].startswith("There is no corrected figure yet: it is not known how")


def test_uneven_probabilities_weigh_the_agreement():
    rows = [label("o1", "relevance", "Yes", "Yes", inclusion=0.1), label("o2", "relevance", "No", "Yes", inclusion=1.0)]
    relevance = agreement_report(rows, {}, SCALES).criteria[0]

    assert relevance.agreement.value == pytest.approx(10 / 11)
    assert raw_agreement(["Yes", "No"], ["Yes", "Yes"]).value == 0.5


def test_a_label_of_an_unknown_criterion_is_a_mistake():
    with pytest.raises(KeyError, match="style"):
        agreement_report([label("o1", "style", "Yes", "Yes")], {}, SCALES)


def test_an_empty_report_says_in_every_sentence_that_there_is_nothing_yet():
    overall = agreement_report([], {}, SCALES).overall

    assert overall.sentences == {
        "agreement": "There is no agreement yet: nothing was compared.",
        "kappa": "Cohen's kappa cannot be computed: nothing was compared.",
        "ac1": "Gwet's AC1 cannot be computed: nothing was compared.",
        "tpr": "There is no true positive rate yet: nothing was compared.",
        "tnr": "There is no true negative rate yet: nothing was compared.",
        "judge_rate": "There is no judge rate yet: the judge has judged nothing.",
        "human_rate": "There is no human pass rate yet: nobody has labelled anything.",
        "corrected_rate": "There is no corrected figure yet: it is not known what else the judge judged.",
    }


def test_sentences_read_as_sentences():
    rate = Estimate(0.664, 0.601, 0.718, 212, 180)

    assert share_sentence("true negative rate", "The judge caught", Estimate(0.48, 0.37, 0.59, 75, 60)) == (
        "The judge caught 48% (37–59%, from 75)."
    )
    assert coefficient_sentence("Gwet's AC1", Estimate(0.61, -0.02, 0.69, 212, 180), "beyond chance") == (
        "Gwet's AC1 is .61 (−.02 to .69): beyond chance."
    )
    assert corrected_rate_sentence(rate, 5000, 340) == (
        "66% would pass review (60–72% with 95% confidence, from 5,000 judged and 212 reviewed). "
        "About 340 more labels bring the interval to ±3 points."
    )
    assert corrected_rate_sentence(rate, 500, 340).endswith("±3 points; 288 judged outputs are left to review.")
    assert corrected_rate_sentence(rate, 5000, 0).endswith("212 reviewed).")
    assert "About 2,300 more" in corrected_rate_sentence(rate, 5000, 2345)


@pytest.mark.parametrize(
    ("judge", "verdict"), [(0.86, "lenient"), (0.4, "strict"), (0.65, "within the interval of the corrected figure")]
)
def test_the_judges_own_rate_never_stands_alone(judge, verdict):
    corrected = Estimate(0.66, 0.60, 0.72, 212, 180)

    sentence = judge_rate_sentence(Estimate(judge, judge - 0.01, judge + 0.01, 5000, 900), corrected)

    assert sentence.startswith(f"The judge alone says {round(100 * judge)}%.")
    assert verdict in sentence
    assert "corrected" in judge_rate_sentence(Estimate(judge, 0, 1, 5, 5), Estimate.unknown("too few"))
