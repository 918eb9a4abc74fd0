"""The vocabulary: the ids of tokens, with the interface of torchtext's Vocab."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from shardmill.errors import ShardmillError

if TYPE_CHECKING:
    import torchtext


class UnknownTokenError(ShardmillError, RuntimeError):
    """A token that is not in the vocabulary was asked for, and there is no default index."""


class TorchtextImportError(ShardmillError, ImportError):
    """torchtext is needed, and it is not installed or does not load."""


class Vocab:
    """A fixed list of tokens. The id of a token is its position.

    The methods are those of `torchtext.vocab.Vocab` 0.18
    (https://pytorch.org/text/0.18.0/vocab.html), without the two that add tokens.

    Args:
        tokens: The tokens in the order of their ids.
        default_index: The id that stands for unknown tokens; None if they are an error.

    Raises:
        ValueError: A token occurs twice.

    Example:
        >>> vocab = shardmill.Vocab(["<unk>", "<pad>", "news"], default_index=0)
        >>> vocab(["good", "news"])
        [0, 2]
        >>> vocab.lookup_tokens([2, 0])
        ['news', '<unk>']
    """

    def __init__(self, tokens: Sequence[str], *, default_index: int | None = None) -> None:
        self._itos = tuple(tokens)
        self._stoi = {token: index for index, token in enumerate(self._itos)}
        if len(self._stoi) != len(self._itos):
            raise ValueError("a vocabulary names each token once")
        self._default_index = default_index

    @classmethod
    def from_torchtext(cls, vocab: "torchtext.vocab.Vocab") -> Self:
        """Return a vocabulary with the tokens, ids and default index that `vocab` has now.

        This does not import torchtext. `vocab` may be scripted by `torch.jit`.
        """
        return cls(vocab.get_itos(), default_index=vocab.get_default_index())

    def to_torchtext(self) -> "torchtext.vocab.Vocab":
        """Return a new `torchtext.vocab.Vocab` with the same tokens, ids and default index.

        Raises:
            TorchtextImportError: The library torchtext cannot be imported here.
        """
        try:
            from torchtext.vocab import vocab
        # An OSError means that its binary was built for another torch than the installed one.
        except (ImportError, OSError) as error:
            raise TorchtextImportError(
                "Vocab.to_torchtext",
                expected="torchtext 0.18.0 beside torch 2.3 and numpy 1, which it needs",
                found=f"{type(error).__name__}: {error}",
                fix="install shardmill[torchtext] into an environment of its own, with "
                "constraints-torchtext.txt",
            ) from error
        same = vocab(OrderedDict.fromkeys(self._itos, 1))
        same.set_default_index(self._default_index)
        return same

    def __len__(self) -> int:
        return len(self._itos)

    def __contains__(self, token: object) -> bool:
        return token in self._stoi

    def __getitem__(self, token: str) -> int:
        """Return the id of `token`, or the default index if it has none.

        Raises:
            UnknownTokenError: The token has no id, and there is no default index.
        """
        index = self._stoi.get(token, self._default_index)
        if index is None:
            raise UnknownTokenError(
                f"token {token!r}",
                expected="a token of the vocabulary",
                found="none of its tokens, and no default index",
                fix="set one with set_default_index",
            )
        return index

    def __call__(self, tokens: Iterable[str]) -> list[int]:
        """Return the ids of `tokens`.

        Raises:
            UnknownTokenError: A token has no id, and there is no default index.
        """
        return [self[token] for token in tokens]

    def lookup_indices(self, tokens: Iterable[str]) -> list[int]:
        """Return the ids of `tokens`.

        Raises:
            UnknownTokenError: A token has no id, and there is no default index.
        """
        return self(tokens)

    def lookup_token(self, index: int) -> str:
        """Return the token with this id.

        Raises:
            IndexError: No token has this id.
        """
        if not 0 <= index < len(self._itos):
            raise IndexError(f"no token {index}: the vocabulary has {len(self)} tokens")
        return self._itos[index]

    def lookup_tokens(self, indices: Iterable[int]) -> list[str]:
        """Return the tokens with these ids. `indices` may be an integer tensor.

        Raises:
            IndexError: No token has one of the ids.
        """
        return [self.lookup_token(int(index)) for index in indices]

    def get_stoi(self) -> Mapping[str, int]:
        """Return the id of each token."""
        return dict(self._stoi)

    def get_itos(self) -> list[str]:
        """Return the tokens in the order of their ids."""
        return list(self._itos)

    def set_default_index(self, index: int | None) -> None:
        """Let `index` stand for unknown tokens; None makes them an error."""
        self._default_index = index

    def get_default_index(self) -> int | None:
        """Return the index that stands for unknown tokens; None if they are an error."""
        return self._default_index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Vocab) and other._itos == self._itos

    def __hash__(self) -> int:
        return hash(self._itos)

    def __repr__(self) -> str:
        return f"Vocab({len(self)} tokens, default_index={self._default_index})"
