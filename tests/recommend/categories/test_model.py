"""φ without a catalogue: what it learns, and what it is asked."""

import numpy as np

from recommend.categories import fitting, model
from recommend.categories.fitting import KIND, NAME, TITLE
from recommend.categories.model import CategoryModel, category_at

PATHS = [("grocery", "bread"), ("toys", "crayons")]


def test_a_category_is_the_two_broadest_names_of_a_path():
    assert category_at(["grocery", "bread", "rye bread"]) == ("grocery", "bread")
    assert category_at(["grocery"]) == ("grocery",)
    assert category_at([]) == ()


def test_what_lies_apart_is_told_apart_with_a_probability():
    vectors = np.array([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [0.1, 0.9]] * 20)
    labels = np.array([0, 0, 1, 1] * 20)

    fitted = model.fit(vectors, labels, np.ones(80, dtype=int), PATHS, seed=1)
    one, other = fitted.predict(np.array([[1.0, 0.0], [0.0, 1.0]]))

    assert (one.path, other.path) == (PATHS[0], PATHS[1])
    assert 0.5 < one.probability <= 1.0
    np.testing.assert_allclose(fitted.probabilities(vectors).sum(axis=1), 1.0, rtol=1e-5)


def test_the_same_seed_fits_the_same_and_what_is_shown_more_often_weighs_more():
    vectors, labels = np.array([[1.0, 0.0]] * 2), np.array([0, 1])

    fitted = model.fit(vectors, labels, np.array([1, 20]), PATHS, seed=1)
    again = model.fit(vectors, labels, np.array([1, 20]), PATHS, seed=1)

    np.testing.assert_array_equal(fitted.weights, again.weights)
    assert fitted.predict(vectors[:1])[0].path == PATHS[1]


def test_a_stored_model_answers_as_before():
    fitted = CategoryModel((("grocery", "bread"), ("café",)), np.array([[2.0, -1.0], [0.5, 0.25], [0.0, 1.0]]))

    again = CategoryModel.from_bytes(fitted.to_bytes())

    assert again.paths == fitted.paths
    np.testing.assert_array_equal(again.weights, fitted.weights)


def test_titles_names_of_kinds_and_names_of_categories_are_learned_from():
    found = fitting.collect(
        [
            ("Rye bread, 500 g", ["grocery", "bread", "rye bread"]),
            ("Rye bread, 1 kg", ["grocery", "bread", "rye bread"]),
            ("Wax crayons", ["toys", "crayons"]),
        ]
    )

    shown = dict(zip(zip(found.texts, found.times.tolist(), strict=True), found.labels.tolist(), strict=True))
    assert found.paths == PATHS
    assert shown == {
        ("Rye bread, 500 g", TITLE): 0,
        ("Rye bread, 1 kg", TITLE): 0,
        ("rye bread", KIND): 0,
        ("bread", NAME): 0,
        ("Wax crayons", TITLE): 1,
        ("crayons", NAME): 1,
    }
    kinds = dict(zip(found.texts, found.kinds.tolist(), strict=True))
    assert kinds["Rye bread, 500 g"] == kinds["Rye bread, 1 kg"] == kinds["rye bread"] != kinds["Wax crayons"]
    assert kinds["bread"] == kinds["crayons"] == -1


def test_a_title_of_several_categories_is_of_the_one_that_most_items_have():
    path, other = ["toys", "crayons"], ["grocery", "bread"]

    found = fitting.collect([("Gift", other), ("Gift", path), ("Gift", path)])

    assert found.paths[found.labels[found.texts.index("Gift")]] == ("toys", "crayons")


def test_only_so_many_titles_are_drawn_and_every_name_stays(monkeypatch):
    monkeypatch.setattr(fitting, "MAX_TITLES", 3)

    found = fitting.collect([(f"Bread no {n}", ["grocery", "bread", "rye bread"]) for n in range(10)])

    assert int(found.is_title.sum()) == 3
    assert {"rye bread", "bread"} <= set(found.texts)


def test_held_out_titles_and_kinds_are_asked_of_models_that_did_not_see_them(monkeypatch):
    asked: list[set[str]] = []
    seen: list[set[str]] = []
    found = fitting.collect(
        [(f"Bread {n} of {kind}", ["grocery", "bread", f"kind {kind}"]) for n in range(6) for kind in range(10)]
        + [("Wax crayons", ["toys", "crayons"])]
    )
    vectors = np.arange(len(found.texts), dtype=float)[:, None]

    class Watched(CategoryModel):
        def probabilities(self, vectors):
            asked.append({found.texts[int(one)] for one in vectors[:, 0]})
            return np.tile(np.eye(2)[0], (len(vectors), 1))

    def watched(vectors, labels, times, paths, *, seed):
        seen.append({found.texts[int(one)] for one in vectors[:, 0]})
        return Watched(tuple(paths), np.zeros((2, 2)))

    monkeypatch.setattr(model, "fit", watched)
    figures = fitting.measure(found, vectors)

    assert all(not one & other for one, other in zip(asked, seen, strict=True))
    assert len(asked[0]) == figures["n_titles"] > 0
    # Two of eleven kinds with all their titles; the name of such a kind is held out with them.
    assert len(asked[1]) == figures["n_kinds"] >= 7
    for title in asked[1] - {"Wax crayons"}:
        assert f"kind {title.split()[-1]}" not in seen[1]
    assert {"bread", "crayons"} <= seen[1]
