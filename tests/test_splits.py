import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.core.errors import LabelError
from benchmark.core.types import Source
from benchmark.suites.spec import SplitChoice
from benchmark.suites.splits import PARTS, check_disjoint, split

light = settings(max_examples=50)
PAPER = SplitChoice(0.7, 0.1, 0.2)
LITE = SplitChoice(0.5, 0.1, 0.4)


def photographs(count, pool=""):
    """Indexed sources of different content."""
    return [Source(id=f"{pool}{n:05d}", truth=n % 10, digest=f"{pool}{n:016x}", pool=pool) for n in range(count)]


def ids(parts):
    """The ids in each part, in order."""
    return {name: [source.id for source in members] for name, members in parts.items()}


@pytest.mark.parametrize("choice", [PAPER, LITE, SplitChoice(0.25, 0.25, 0.5)])
@pytest.mark.parametrize("count", [20, 100, 1000])
def test_parts_have_their_shares_and_hold_every_source_once(choice, count):
    """Each part has its share of the sources, and each source is in exactly one part."""
    parts = split(photographs(count), choice)
    assert tuple(parts) == PARTS
    for name in PARTS:
        assert len(parts[name]) == round(count * getattr(choice, name))
    assert sorted(source.id for members in parts.values() for source in members) == [
        source.id for source in photographs(count)
    ]


@light
@given(st.permutations(photographs(30)))
def test_the_order_of_sources_does_not_matter(sources):
    """However the sources are listed, the split is the same to the last place."""
    assert split(sources, LITE) == split(photographs(30), LITE)


def test_contents_do_not_decide_who_goes_where():
    """Other contents under the same ids are split the same way."""
    others = [dataclasses.replace(source, digest=source.digest[::-1], truth=0) for source in photographs(100)]
    assert ids(split(others, PAPER)) == ids(split(photographs(100), PAPER))


def test_the_seed_decides_who_goes_where():
    """Another seed makes another split of the same sizes."""
    one, other = (split(photographs(200), dataclasses.replace(PAPER, seed=seed)) for seed in (0, 1))
    assert {name: len(members) for name, members in one.items()} == {name: len(m) for name, m in other.items()}
    assert all(set(ids(one)[name]) != set(ids(other)[name]) for name in PARTS)


def test_the_split_is_not_in_the_order_of_ids():
    """The first ids are not the training part: files are often sorted by class."""
    assert ids(split(photographs(100), PAPER))["train"] != [source.id for source in photographs(100)][:70]


@pytest.mark.parametrize("limit", [0, 40])
def test_pools_are_respected(limit):
    """Where a dataset fixes pools, its test pool is the test part and no other pool's source is used for anything."""
    train, test, zoo = photographs(80, "train"), photographs(30, "test"), photographs(50, "zoo")
    parts = split([*zoo, *train, *test], PAPER, limit=limit)
    assert {source.pool for source in parts["test"]} == {"test"}
    assert {source.pool for source in (*parts["train"], *parts["validation"])} == {"train"}
    if not limit:
        assert [len(parts[name]) for name in PARTS] == [70, 10, 30]


@pytest.mark.parametrize("limit", [0, 40])
def test_pools_named_like_the_parts_are_the_parts(limit):
    """Where a dataset has a pool `validation`, no part is cut: each is the pool of its name, whatever the shares."""
    pools = {"train": 40, "validation": 25, "test": 30, "zoo": 50}
    sources = [source for pool, count in pools.items() for source in photographs(count, pool)]
    for choice in (PAPER, LITE):
        parts = split(sources, choice, limit=limit)
        assert tuple(parts) == PARTS
        assert all({source.pool for source in members} == {name} for name, members in parts.items())
        if not limit:
            assert {name: len(members) for name, members in parts.items()} == {name: pools[name] for name in PARTS}


def test_sources_that_are_in_no_part_are_told(caplog):
    """Pools of other names, and sources without one beside a pool `validation`, are counted in a warning."""
    split([*photographs(40, "train"), *photographs(20, "test"), *photographs(7)], PAPER)
    assert not caplog.messages
    sources = [*photographs(40, "train"), *photographs(9, "validation"), *photographs(20, "test")]
    split([*sources, *photographs(7), *photographs(3, "val")], PAPER)
    assert [text.partition(" are in no part; ")[0] for text in caplog.messages] == [
        "7 sources without a pool", "3 sources of the pool 'val'"
    ]  # fmt: skip


@pytest.mark.parametrize("missing", PARTS)
def test_a_pool_that_is_empty_leaves_an_empty_part(missing):
    """A part whose pool is missing is not made up for by another pool: the split raises."""
    sources = [source for pool in PARTS if pool != missing for source in photographs(1, pool)]
    with pytest.raises(LabelError, match="has no source"):
        split(sources, PAPER)


@pytest.mark.parametrize("pooled", [False, True])
@light
@given(share=st.floats(0.75, 1), count=st.integers(40, 200))
def test_a_limit_keeps_the_first_of_each_part_in_proportion(pooled, share, count):
    """A limited part is the beginning of the full one, and the parts keep their proportion."""
    sources = photographs(count)
    if pooled:
        sources = [*photographs(count // 2, "train"), *photographs(count // 2, "test")]
    limit = int(share * len(sources))
    full, limited = split(sources, PAPER), split(sources, PAPER, limit=limit)
    for name in PARTS:
        assert limited[name] == full[name][: len(limited[name])]
        expected = min(1, limit / len(sources)) * len(full[name])
        assert len(limited[name]) == max(1, round(expected))


def test_a_limit_of_all_sources_changes_nothing():
    """All there is, is the whole suite; more is refused (`test_bad_arguments`)."""
    assert split(photographs(50), PAPER, limit=50) == split(photographs(50), PAPER)


@pytest.mark.parametrize(
    "sources", [[], photographs(1), photographs(2), photographs(40, "train"), photographs(40, "test")]
)
@pytest.mark.parametrize("limit", [0, 5])
def test_an_empty_part_raises(sources, limit):
    """A split that leaves a part without a source raises and counts what was there."""
    with pytest.raises(LabelError, match=f"has no source; {len(sources)} sources"):
        split(sources, PAPER, limit=limit)


ONE = Source(id="cat", truth=3, digest="d1")
LEAKS = {
    "the same source": Source(id="cat", truth=3, digest="d2"),
    "its augmented version": Source(id="cat~1", truth=3, digest="d2", parent="cat"),
    "the same content": Source(id="dog", truth=4, digest="d1"),
}


@pytest.mark.parametrize("leak", LEAKS)
@pytest.mark.parametrize(
    "parts", [("train", "test"), ("test", "train"), ("train", "validation"), ("validation", "test")]
)
def test_a_planted_leak_is_found_and_both_sources_are_named(leak, parts):
    """One photograph in two parts raises, and the message names both sources and both parts."""
    other = LEAKS[leak]
    bystanders = photographs(9)
    given_parts = {name: bystanders[3 * place : 3 * place + 3] for place, name in enumerate(PARTS)}
    given_parts[parts[0]].append(ONE)
    given_parts[parts[1]].append(other)
    with pytest.raises(LabelError, match="leak") as caught:
        check_disjoint(given_parts)
    words = str(caught.value).replace(",", " ").split()
    assert {ONE.id, other.id, *parts} <= set(words)


def test_two_versions_of_one_parent_may_not_part():
    """Two augmented versions of a photograph that itself is absent still belong together."""
    one, other = (Source(id=f"cat~{n}", truth=3, digest=f"d{n}", parent="cat") for n in (1, 2))
    with pytest.raises(LabelError, match="leak"):
        check_disjoint({"train": [one], "validation": photographs(1), "test": [other]})


def test_versions_within_one_part_are_no_leak():
    """All versions of a photograph in the same part, and sources that were not indexed, pass."""
    check_disjoint({"train": [ONE, *LEAKS.values()], "test": [Source("owl", 1), Source("fox", 2)]})
    check_disjoint({"train": [Source("owl", 1)], "test": [Source("fox", 2)]})


def test_split_itself_looks_for_leaks():
    """Two ids of the same content that fall into different parts stop the split."""
    parts = split(photographs(50), LITE)
    twin = dataclasses.replace(parts["test"][0], digest=parts["train"][0].digest)
    sources = [twin if source.id == twin.id else source for source in photographs(50)]
    with pytest.raises(LabelError, match="leak"):
        split(sources, LITE)


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("pool", ["", "train"])
def test_copies_of_a_photograph_stay_in_one_part(pool, seed):
    """However the order of a split falls, no group of copies is divided; parts keep their shares but for a group."""
    groups = {f"{pool}{number:05d}": f"{pool}{number - number % 4:05d}" for number in range(60)}
    sources = [
        dataclasses.replace(source, copy_of="" if groups[source.id] == source.id else groups[source.id])
        for source in photographs(60, pool)
    ] + (photographs(30, "test") if pool else [])
    parts = split(sources, dataclasses.replace(LITE, seed=seed))
    owner = {}
    for name, members in parts.items():
        for source in members:
            assert owner.setdefault(source.group, name) == name
    assert sum(map(len, parts.values())) == len(sources)


def test_copies_in_pools_that_a_dataset_fixes_are_a_leak():
    """A photograph that a dataset itself puts into training and test is refused, copy or not."""
    train, test = photographs(40, "train"), photographs(20, "test")
    test[3] = dataclasses.replace(test[3], digest=train[5].digest, copy_of=train[5].id)
    with pytest.raises(LabelError, match="leak"):
        split([*train, *test], LITE)
