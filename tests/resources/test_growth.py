"""A counter of processes that come and go never falls, and counts nothing twice."""

from ml_exporter.resources.growth import Growth

A, B, C = (1, 0.0), (2, 0.0), (3, 0.0)


def test_what_was_there_before_does_not_count_and_what_ends_stays() -> None:
    found = Growth()
    assert found.add({A: 100.0, B: 50.0}) == 0
    assert found.add({A: 110.0, B: 50.0}) == 10
    assert found.add({A: 110.0}) == 10
    assert found.add({A: 111.0, C: 7.0}) == 18
    assert found.add({}) == 18


def test_the_same_id_started_anew_counts_from_0() -> None:
    found = Growth()
    found.add({A: 100.0})
    assert found.add({(1, 9.0): 30.0}) == 30


def test_what_a_parent_takes_over_from_its_children_counts_once() -> None:
    parents = {B: A, C: B}
    found = Growth()
    found.add({A: 0.0, B: 0.0, C: 0.0}, parents)
    assert found.add({A: 1.0, B: 10.0, C: 100.0}, parents) == 111
    # Both end; before that the grandchild counted 5 more, and the parent 2.
    assert found.add({A: 1 + 2 + 10 + 100 + 5}) == 118


def test_a_parent_that_does_not_take_over_takes_nothing_away() -> None:
    found = Growth()
    found.add({A: 0.0, B: 0.0}, {B: A})
    found.add({A: 0.0, B: 50.0}, {B: A})
    assert found.add({A: 3.0}) == 50
    assert found.add({A: 4.0}) == 51
