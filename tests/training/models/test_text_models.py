"""Texts to features: n-grams of content inside their text, and texts alone or beside others."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
import torch
from batches import bag_of
from torch import Tensor, nn

import shardmill
from shardmill import Bag
from shardmill.training.models.build_model import build_model
from shardmill.training.models.text_bag import TextBag
from shardmill.training.models.text_transformer import TextTransformer
from shardmill.training.settings.model_options import TextBagOptions, TextTransformerOptions

TEXTS = [[5, 6, 7, 8, 9], [8], [], [9, 10], [7, 7, 7], []]


def bag_model(
    ngrams: int, tokens: int = 100, buckets: int = 1_000, groups: Sequence[str] = ()
) -> TextBag:
    torch.manual_seed(0)
    model = TextBag(tokens, width=8, ngrams=ngrams, buckets=buckets, groups=groups).eval()
    model.token_hashes.copy_(torch.tensor([crc32(f"word {n}".encode()) for n in range(tokens)]))
    return model


def transformer(**options: Any) -> TextTransformer:
    torch.manual_seed(0)
    return TextTransformer(100, width=8, heads=2, **options).eval()


@pytest.mark.parametrize("model", [bag_model(1), bag_model(2), bag_model(4), transformer()])
def test_a_text_is_what_it_is_alone(model: nn.Module) -> None:
    together = model(bag_of(TEXTS))
    assert together.shape == (len(TEXTS), 8)
    assert bool(together.isfinite().all())
    assert not together[2].any() and not together[5].any()
    for text, found in zip(TEXTS, together, strict=True):
        assert torch.allclose(model(bag_of([text]))[0], found, atol=1e-6)
    assert model(bag_of([])).shape == (0, 8)
    assert not model(bag_of([[], []])).any()


def fnv1a(words: list[int]) -> int:
    hashed = 0x811C9DC5
    for word in words:
        hashed = ((hashed ^ word) * 0x01000193) % 2**32
    return hashed


@pytest.mark.parametrize("ngrams", [1, 2, 3, 5])
def test_a_text_is_the_sum_of_its_ngrams(ngrams: int) -> None:
    model = bag_model(ngrams)
    weight, hashes = model.embedding.weight, model.token_hashes.tolist()
    for text, found in zip(TEXTS, model(bag_of(TEXTS)), strict=True):
        rows = list(text)
        for n in range(2, ngrams + 1):
            for first in range(len(text) - n + 1):
                words = [hashes[token] for token in text[first : first + n]]
                rows.append(100 + fnv1a(words) % 1_000)
        expected = weight[rows].sum(0) / max(len(rows), 1) ** 0.5
        assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("model", "matters"), [(bag_model(1), False), (bag_model(2), True), (transformer(), True)]
)
def test_whether_the_order_of_words_matters(model: nn.Module, matters: bool) -> None:
    a, b = model(bag_of([[5, 6, 7], [7, 6, 5]]))
    assert torch.allclose(a, b, atol=1e-5) != matters


def test_an_ngram_means_the_same_by_another_vocabulary() -> None:
    one, other = bag_model(3), bag_model(3)
    numbers = list(range(100))
    random.Random(0).shuffle(numbers)  # token t of `one` is numbers[t] of `other`
    with torch.no_grad():
        other.embedding.weight[numbers] = one.embedding.weight[:100]
        other.token_hashes[numbers] = one.token_hashes
    renamed = [[numbers[token] for token in text] for text in TEXTS]
    assert torch.allclose(other(bag_of(renamed)), one(bag_of(TEXTS)), atol=1e-6)


def test_ngrams_hardly_share_rows() -> None:
    model = bag_model(2, tokens=300, buckets=2**20)
    pairs = torch.cartesian_prod(torch.arange(300), torch.arange(300))
    (rows,) = model._ngrams(pairs.view(-1))
    rows = rows[::2]
    assert int(rows.min()) >= 300 and int(rows.max()) < 300 + 2**20
    # of 90,000 in 2^20, chance has 90,000^2 / 2^21 = 3,862 fall together
    assert abs(90_000 - len(set(rows.tolist())) - 3_700) < 400


def test_tables_of_a_vocabulary(sample_artifacts: Path) -> None:
    dataset = shardmill.AGNewsDataset(sample_artifacts / "ag_news", layout="bag")
    tokens = len(dataset.vocab)
    bag = build_model(dataset, TextBagOptions(width=4, buckets=50)).backbone
    assert isinstance(bag, TextBag)
    assert bag.embedding.weight.shape == (tokens + 50, 4)
    index = dataset.vocab["the"]
    assert int(bag.token_hashes[index]) == crc32(b"the")
    words = build_model(dataset, TextBagOptions(width=4, ngrams=1)).backbone
    assert isinstance(words, TextBag)
    assert words.embedding.weight.shape == (tokens, 4)
    encoder = build_model(dataset, TextTransformerOptions(width=8)).backbone
    assert isinstance(encoder, TextTransformer)
    assert encoder.embedding.weight.shape == (tokens, 8)


def test_a_transformer_sees_so_many_tokens() -> None:
    model = transformer(max_tokens=4)
    found = model(bag_of([[5, 6, 7, 8, 9, 10], [5, 6, 7, 8], [5, 6, 7], [5, 6, 8]]))
    assert torch.allclose(found[0], found[1], atol=1e-6)
    assert not torch.allclose(found[1], found[2], atol=1e-4)
    assert not torch.allclose(found[2], found[3], atol=1e-4)


def test_words_are_left_out_in_training_alone() -> None:
    model = transformer(depth=1).train()
    model.dropout.p = 0.0
    x = bag_of([[5, 6, 7, 8, 9] * 6, [], [8]])
    assert not torch.allclose(model(x), model(x), atol=1e-4)
    assert bool(model(x).isfinite().all())
    model.eval()
    assert torch.equal(model(x), model(x))


@pytest.mark.parametrize("model", [bag_model(3), transformer()])
def test_gradients_in_deterministic_mode(model: nn.Module) -> None:
    model.train()
    torch.use_deterministic_algorithms(True)
    try:
        model(bag_of(TEXTS)).square().sum().backward()
    finally:
        torch.use_deterministic_algorithms(False)
    grads = [p.grad for p in model.parameters()]
    assert all(g is not None and bool(g.isfinite().all()) for g in grads)
    model.eval()


@pytest.mark.parametrize("make", [bag_model, transformer])
def test_several_texts_are_compared(make: Any) -> None:
    one = make(2) if make is bag_model else make()
    several = make(2, groups=["a", "b"]) if make is bag_model else make(groups=["a", "b"])
    several.load_state_dict(one.state_dict())
    a, b = bag_of(TEXTS), bag_of(TEXTS[::-1])
    found = several({"b": b, "a": a})  # the order is that of the groups
    u, v = one(a), one(b)
    torch.testing.assert_close(found, torch.cat([u, v, (u - v).abs(), u * v], 1))
    assert several.width == found.shape[1] == 32


class Exported(nn.Module):
    """A model of texts that takes tensors by themselves."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, ids: Tensor, offsets: Tensor) -> Tensor:
        features: Tensor = self.model(Bag(ids, offsets))
        return features


@pytest.mark.parametrize("model", [bag_model(2), transformer()])
def test_export_for_any_number_of_texts(model: nn.Module) -> None:
    n, b = torch.export.Dim("n", min=2), torch.export.Dim("b", min=2)
    x = bag_of(TEXTS)
    with torch.no_grad():
        program = torch.export.export(
            Exported(model), tuple(x), dynamic_shapes={"ids": {0: n}, "offsets": {0: b}}
        )
        for texts in (TEXTS, [[1, 2, 3], [4, 5], [6] * 20]):
            x = bag_of(texts)
            assert torch.allclose(program.module()(*x), model(x), atol=1e-5)
