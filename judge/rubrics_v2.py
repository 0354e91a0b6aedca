"""The criteria that the V2 report adds: an explanation is also timely, informative and attractive.

The names and the question behind each are the report's (seven criteria for explanations; those of tags are the four of
V1, and it names none for interests). Scale, wording and grocery examples are ours, as in `judge.rubrics`.
"""

from judge.rubrics import EXPLANATION as V1
from judge.rubrics import CriterionDef, RubricDef, three_level, yes_no

EXPLANATION = RubricDef(
    kind="explanation",
    version=2,
    title="Explanations, seven criteria",
    guideline="""\
An explanation is the short line that the shopper reads beside the item. It should say, truthfully and in good language,
why this item is here for them, and be worth reading. Compare it with the item card and with the interest it speaks to.

- All seven must pass; Excellent and Good both do.
- Playful wording is allowed. Judge what it claims, not its humour.
- The first four ask whether anything is wrong; the last three whether it is good.
""",
    criteria=(
        *V1.criteria,
        CriterionDef(
            name="timeliness",
            title="Timeliness",
            question="Does it fit the season, the trend or the event of the day it is shown on?",
            guideline="""\
**Yes**: it fits the time of year, or names no time at all. “Warm up with it on the first cold evenings” in October;
“a quick weekday supper” at any time.

**No**: it speaks of a season, feast or event that is not near. “For your Easter basket” in November; “beat the summer
heat” for mulled wine.
""",
            labels=yes_no("Fits the time, or speaks of none.", "Speaks of a time that is not near."),
        ),
        CriterionDef(
            name="informativeness",
            title="Informativeness",
            question="Does it say something of substance about this item?",
            guideline="""\
**Excellent**: one concrete reason that holds for this item and not for any other. “Resealable, so the second half stays
crisp for tomorrow's lunch box.”

**Good**: something true and particular, but thin. “A dark roast for your morning coffee.”

**Bad**: words that fit anything. “A great choice for every day”; “quality you will love”.
""",
            labels=three_level("A concrete reason for this item.", "Particular, but thin.", "Words that fit any item."),
        ),
        CriterionDef(
            name="attractiveness",
            title="Attractiveness",
            question="Does it make this shopper want to look at the item?",
            guideline="""\
**Excellent**: it calls up a moment or a feeling that belongs to the interest. “Sunday morning, the tin still warm: your
own cinnamon rolls.”

**Good**: friendly and inviting, without a picture of its own.

**Bad**: flat, dry or off-putting. “Contains flour.”
""",
            labels=three_level("Calls up a moment or feeling.", "Friendly and inviting.", "Flat or off-putting."),
        ),
    ),
)
