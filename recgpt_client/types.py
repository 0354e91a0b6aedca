"""What is sent and what comes back, as the API's schema says it; a test holds each class to its component there.

Ids and times are text, as in JSON: `datetime.fromisoformat` reads the times.
"""

from typing import Any, Literal, NotRequired, TypedDict

State = Literal["queued", "running", "done", "failed", "cancelled"]
StepState = Literal["waiting", "running", "done", "failed", "cancelled", "skipped"]
ExplanationSource = Literal["made", "stored", "stored_or_made"]
StepName = Literal["interests", "tags", "items", "explanations"]
TagStrategy = Literal["direct", "experts"]
Kind = Literal["click", "detail_view", "review_read", "favourite", "cart", "purchase", "search", "return"]


class Behavior(TypedDict):
    """One behaviour of a history: an item by its sku, or a search by its words."""

    kind: Kind
    occurred_at: str
    sku: NotRequired[str]
    query: NotRequired[str]
    quantity: NotRequired[int]
    dwell_s: NotRequired[float]


class ChosenModels(TypedDict, total=False):
    """Language models by name or id, for stages that not the serving one is to do."""

    interests: str
    tags: str
    explanations: str


class ChosenPrompts(TypedDict, total=False):
    """Versions of prompts, for stages that are not to be asked with their model's own or the newest."""

    interests: str
    tags: str
    explanations: str


class ListRules(TypedDict, total=False):
    """What may be offered; the server's settings say what is not named."""

    categories: list[str]
    taken: Literal["recent", "ever", "offered"]
    in_stock_only: bool
    diversity: float


class RunRequest(TypedDict, total=False):
    """What is asked for: a stored `shopper`, or a `history` with the `attributes` of who it is of."""

    shopper: str
    history: list[Behavior]
    attributes: dict[str, Any]
    steps: list[StepName]
    models: ChosenModels
    prompts: ChosenPrompts
    rules: ListRules
    explanation_source: ExplanationSource
    language: str
    tag_strategy: TagStrategy
    reference_at: str
    beta: float
    n_items: int
    priority: int


class BulkLine(RunRequest, total=False):
    """One of many, with a name of its own."""

    idempotency_key: str


class Shopper(TypedDict):
    id: str
    external_id: str


class Run(TypedDict):
    """A run without its results."""

    id: str
    url: str
    shopper: Shopper
    created_by: str | None
    state: State
    is_active: bool
    step: str
    reference_at: str
    beta: float
    n_items: int
    steps: list[str]
    rules: dict[str, Any]
    language: str
    explanation_source: ExplanationSource
    tag_strategy: TagStrategy
    batch: str | None
    priority: int
    error: str
    created_at: str
    started_at: str | None
    finished_at: str | None


class Step(TypedDict):
    name: str
    title: str
    state: StepState


class HistoryLine(TypedDict):
    text: str
    contexts: str
    items: Any


class Dropped(TypedDict):
    period: str
    n_events: int


class History(TypedDict):
    """The compressed history, and what it left out."""

    lines: list[HistoryLine]
    n_events: int
    n_kept_events: int
    n_dropped_events: int
    n_unknown_items: int
    dropped: list[Dropped]
    dropped_before: str | None
    tokens: int
    max_tokens: int | None


class Rejection(TypedDict):
    rule: str
    reason: str


class Output(TypedDict):
    """An interest, item tag or explanation; `assessments` are what the caller may see of them."""

    id: str
    generation: str
    kind: Literal["interest", "tag", "explanation"]
    position: int
    text: str
    reason: str
    stage: str
    guideline: str
    interest: str | None
    item: str | None
    evidence: list[int]
    rejection: Rejection | None
    assessments: NotRequired[list[dict[str, Any]]]


class Interest(Output):
    tags: list[Output]


class Item(TypedDict):
    id: str
    sku: str
    title: str
    category: list[str]
    brand: str
    price: str | None


class Tag(TypedDict):
    id: str
    text: str


class Recommendation(TypedDict):
    """score = beta * collaborative + (1 - beta) * semantic."""

    rank: int
    item: Item
    score: float
    collaborative: float
    semantic: float
    arm: str
    tag: Tag | None
    explanation: Output | None


class FailedCall(TypedDict):
    id: str
    stage: str
    position: int
    error: str
    raw_text: str


class Model(TypedDict):
    id: str
    name: str
    note: str


class RunResult(Run):
    """A run with everything that it made so far."""

    progress: list[Step]
    elapsed_s: float
    history: History | None
    interests: list[Interest]
    recommendations: list[Recommendation]
    rejected: list[Output]
    failed: list[FailedCall]
    models: list[Model]


class Calls(TypedDict):
    done: int
    failed: int


class Progress(TypedDict):
    """An event of a run's stream."""

    run: str
    state: State
    is_active: bool
    step: str
    progress: list[Step]
    calls: Calls
    error: str


class Fault(TypedDict):
    detail: str
    pointer: NotRequired[str]
    parameter: NotRequired[str]
    value: NotRequired[Any]


class Problem(TypedDict):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    errors: NotRequired[list[Fault]]


class BulkAnswer(TypedDict):
    """What became of one line: `run`, or `problem` where it was refused."""

    line: int
    status: int
    run: NotRequired[Run]
    problem: NotRequired[Problem]
