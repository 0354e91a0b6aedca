"""Near duplicates are found by their similarity, whatever the hashes are."""

import random

from training.data_sets.near import jaccard, near_duplicates, shingles

WORDS = [f"word{number}" for number in range(400)]


def text(rng: random.Random, n: int = 60) -> list[str]:
    return [rng.choice(WORDS) for _ in range(n)]


def test_a_text_that_repeats_another_but_for_a_word_is_found_and_the_first_one_stays():
    rng = random.Random(1)
    first, other = text(rng), text(rng)
    second = [*first[:-1], "changed"]

    found = near_duplicates([" ".join(one) for one in (first, other, second)], threshold=0.8)

    assert found == {2: 0}


def test_what_is_found_is_what_comparing_all_pairs_finds():
    rng = random.Random(2)
    texts = [text(rng) for _ in range(60)]
    for one in texts[:40]:
        copy = list(one)
        for _ in range(rng.randint(0, 8)):
            copy[rng.randrange(len(copy))] = rng.choice(WORDS)
        texts.append(copy)
    joined = [" ".join(one) for one in texts]

    expected: dict[int, int] = {}
    for place, whole in enumerate(joined):
        own = shingles(whole)
        for other in range(place):
            if other not in expected and jaccard(own, shingles(joined[other])) >= 0.7:
                expected[place] = other
                break

    assert near_duplicates(joined, threshold=0.7) == expected
    assert len(expected) > 10


def test_texts_without_spaces_between_words_are_compared_sign_by_sign():
    one, other = "夏日穿搭清爽有型透气舒适", "夏日穿搭清爽有型透气舒服"

    assert near_duplicates([one, other], threshold=0.7) == {1: 0}
    assert near_duplicates([one, "水温测量让妈妈更安心"], threshold=0.7) == {}


def test_texts_with_nothing_to_compare_are_the_same():
    assert near_duplicates(["", "…"], threshold=0.8) == {1: 0}
