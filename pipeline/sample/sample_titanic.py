"""Invented passengers in the form of the Titanic CSV, for when the real file is not at hand.

Header, quoting, number formats, newlines (LF) and the shares of missing values are those of the
file at https://raw.githubusercontent.com/datasciencedojo/datasets/master/titanic.csv. Names,
tickets and fates are made up: nobody listed here sailed.
"""

import csv
import io
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

_HEADER = "PassengerId Survived Pclass Name Sex Age SibSp Parch Ticket Fare Cabin Embarked"
_MEN = (
    "Albin Arthur Bertram Cedric Clement Edwin Emil Ernest Felix Gilbert Gustav Harold Hugo Ivan "
    "Jakob Jasper Leopold Matthias Nils Oscar Patrick Reginald Stefan Theodore Walter"
)
_WOMEN = (
    "Ada Agnes Alma Beatrice Cecilia Clara Edith Elsa Florence Greta Hedda Hilda Ida Johanna Leah "
    "Mabel Matilda Nora Olga Pauline Rosa Sigrid Sofia Thea Winifred"
)
_STEMS = "Ald Bram Cal Dor Ell Fen Gar Hol Ing Kes Lind Mar Nor Os Pem Rad Stan Thor Ulm Wes"
_ENDINGS = "berg by ford gren hurst ley man mark quist son sted ton well worth"

# One value for each class, first to third; close to the shares in the real file.
_CLASS_SHARE = (0.24, 0.21, 0.55)
_FEMALE_SHARE = np.array([0.43, 0.41, 0.29])
_MEAN_AGE = np.array([39.0, 31.0, 27.0])
_AGE_MISSING = np.array([0.14, 0.06, 0.28])
_CABIN_KNOWN = np.array([0.81, 0.09, 0.03])
_FARE_POUNDS = np.array([42.0, 13.0, 8.0])
_FARE_SPREAD = np.array([0.6, 0.25, 0.15])
_PORTS = np.array(["S", "C", "Q"])
_PORT_SHARE = np.array([[0.59, 0.40, 0.01], [0.89, 0.09, 0.02], [0.72, 0.13, 0.15]])
_TICKETS = (
    ("PC 17{:03d}", "113{:03d}", "19{:03d}", "36{:03d}"),
    ("C.A. 2{:04d}", "SC/Paris 2{:03d}", "23{:04d}", "28{:03d}"),
    ("A/5 2{:04d}", "STON/O2. 3101{:03d}", "347{:03d}", "349{:03d}", "37{:04d}", "2{:03d}"),
)


@dataclass(frozen=True, slots=True)
class _People:
    """What the fate of a passenger depends on; each array is [rows]."""

    pclass: npt.NDArray[np.int64]  # 0, 1, 2, so that it indexes the tables above
    female: npt.NDArray[np.bool_]
    age: npt.NDArray[np.float64]  # years, known for all; the file hides some
    sibsp: npt.NDArray[np.int64]
    parch: npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class _Papers:
    """What the file says of the passengers besides that; each array is [rows]."""

    survived: npt.NDArray[np.bool_]
    age_known: npt.NDArray[np.bool_]
    cabin_known: npt.NDArray[np.bool_]
    fare: npt.NDArray[np.float64]  # pounds
    port: npt.NDArray[np.str_]


def titanic_csv(rows: int, *, seed: int) -> bytes:
    """Return a CSV of `rows` passengers below the real header, UTF-8 with LF.

    The same rows and seed give the same bytes. More than a third survive, by a logistic law of sex,
    class, age and family; a classifier that knew the law would be right for 85 % of the rows.
    """
    rng = np.random.default_rng(seed)
    people = _draw_people(rng, rows)
    papers = _draw_papers(rng, people)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_HEADER.split())
    for row in range(rows):
        writer.writerow((row + 1, *_write_row(rng, people, papers, row)))
    return text.getvalue().encode()


def _draw_people(rng: np.random.Generator, rows: int) -> _People:
    pclass = rng.choice(3, size=rows, p=_CLASS_SHARE)
    female = rng.random(rows) < _FEMALE_SHARE[pclass]
    age = np.clip(rng.normal(_MEAN_AGE[pclass], 12.5), 15, 80).round()
    # The real file has half years for guessed ages, and hundredths for babies.
    age = age + 0.5 * (rng.random(rows) < 0.03)
    child = rng.random(rows) < 0.09
    age[child] = rng.integers(1, 15, size=rows)[child]
    baby = child & (rng.random(rows) < 0.1)
    age[baby] = rng.integers(4, 12, size=rows)[baby] * 100 // 12 / 100
    sibsp = rng.choice(6, size=rows, p=(0.70, 0.22, 0.035, 0.02, 0.02, 0.005))
    parch = rng.choice(5, size=rows, p=(0.81, 0.11, 0.06, 0.01, 0.01))
    parch[child] = rng.integers(1, 3, size=rows)[child]
    return _People(pclass, female, age, sibsp, parch)


def _chance_of_survival(people: _People) -> npt.NDArray[np.float64]:
    """Return the probability of survival, float64 [rows]: the signal that there is to learn."""
    family = people.sibsp + people.parch
    score = (
        -0.55
        + 3.7 * people.female
        - 1.4 * people.pclass
        + 3.0 * (people.age < 13)
        - 0.035 * (people.age - 30)
        - 0.9 * np.maximum(family - 2, 0)
    )
    chance: npt.NDArray[np.float64] = 1 / (1 + np.exp(-score))
    return chance


def _draw_papers(rng: np.random.Generator, people: _People) -> _Papers:
    pclass, rows = people.pclass, len(people.pclass)
    family = people.sibsp + people.parch
    pounds = _FARE_POUNDS[pclass] * np.exp(rng.normal(0, _FARE_SPREAD[pclass]))
    past_port = rng.random((rows, 1)) > _PORT_SHARE.cumsum(axis=1)[pclass, :2]  # [rows, 2]
    port = _PORTS[past_port.sum(axis=1)]
    # An exact number, so that no sample lacks a row without a port, however the dice fall.
    port[rng.permutation(rows)[: rows // 400 + 1]] = ""
    return _Papers(
        survived=rng.random(rows) < _chance_of_survival(people),
        age_known=rng.random(rows) >= _AGE_MISSING[pclass],
        cabin_known=rng.random(rows) < _CABIN_KNOWN[pclass],
        # Whole pence, 240 to the pound, which is where the real fares' odd decimals come from.
        fare=np.round(pounds * (1 + 0.6 * family) * 240) / 240,
        port=port,
    )


def _write_row(
    rng: np.random.Generator, people: _People, papers: _Papers, row: int
) -> tuple[object, ...]:
    """Return the cells of a row from Survived to Embarked."""
    pclass = int(people.pclass[row])
    return (
        int(papers.survived[row]),
        pclass + 1,
        _draw_name(rng, people, row),
        "female" if people.female[row] else "male",
        f"{people.age[row]:g}" if papers.age_known[row] else "",
        people.sibsp[row],
        people.parch[row],
        _draw_ticket(rng, pclass),
        f"{papers.fare[row]:.4f}".rstrip("0").rstrip("."),
        _draw_cabin(rng, pclass) if papers.cabin_known[row] else "",
        papers.port[row],
    )


def _draw_name(rng: np.random.Generator, people: _People, row: int) -> str:
    man, other_man = rng.choice(_MEN.split(), size=2, replace=False)
    woman, other_woman = rng.choice(_WOMEN.split(), size=2, replace=False)
    style = rng.random()
    surname = f"O'{_draw_surname(rng)}" if style > 0.95 else _draw_surname(rng)
    if not people.female[row]:
        doctor = style < 0.05 and people.pclass[row] < 2 and people.age[row] > 25
        title = "Master" if people.age[row] < 13 else "Dr" if doctor else "Mr"
        return f"{surname}, {title}. {man} {other_man}"
    if people.age[row] > 17 and people.sibsp[row] + people.parch[row] > 0:
        return f"{surname}, Mrs. {man} ({woman} {other_woman} {_draw_surname(rng)})"
    nickname = f' "{other_woman}"' if style < 0.05 else ""
    return f"{surname}, Miss. {woman}{nickname}"


def _draw_surname(rng: np.random.Generator) -> str:
    return f"{rng.choice(_STEMS.split())}{rng.choice(_ENDINGS.split())}"


def _draw_ticket(rng: np.random.Generator, pclass: int) -> str:
    forms = _TICKETS[pclass]
    return forms[rng.integers(len(forms))].format(rng.integers(1000))


def _draw_cabin(rng: np.random.Generator, pclass: int) -> str:
    deck = ("ABCDE", "DEF", "EFG")[pclass]
    cabins = [f"{deck[rng.integers(len(deck))]}{rng.integers(2, 130)}"]
    if pclass == 0 and rng.random() < 0.1:
        cabins.append(f"{cabins[0][0]}{rng.integers(2, 130)}")
    return " ".join(cabins)
