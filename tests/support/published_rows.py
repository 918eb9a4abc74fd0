"""Small raw files in the form of the published ones, for every shipped recipe without samples."""

import gzip
from pathlib import Path

import numpy as np

from shardmill.pipeline.sample.write_idx import encode_idx

_ADULT = "39, State-gov, 77516, Bachelors, 13, Never-married, Adm-clerical, Not-in-family, White, "
_WINE = (
    '"fixed acidity";"volatile acidity";"citric acid";"residual sugar";"chlorides";'
    '"free sulfur dioxide";"total sulfur dioxide";"density";"pH";"sulphates";"alcohol";"quality"\n'
    "7.4;0.7;0;1.9;0.076;11;34;0.9978;3.51;0.56;9.4;5\n"
    "7.8;0.88;0;2.6;0.098;25;67;0.9968;3.2;0.68;9.8;6\n"
)
_TWO = r'"2","Great \""value\"",\nfriendly"' + '\n"1","So, so"\n'
_THREE = r'"2","Great","It\nis ""great"", really"' + '\n"1","No",""\n'

CSV_FILES = {
    "adult/adult.data": _ADULT + "Male, 2174, 0, 40, United-States, <=50K\n"
    "54, ?, 1486, HS-grad, 9, Divorced, ?, Wife, Black, Female, 0, 0, 60, ?, >50K\n\n",
    "adult/adult.test": "|1x3 Cross validator\n" + _ADULT + "Male, 0, 0, 40, Hong, <=50K.\n\n",
    "amazon_full/train.csv": _THREE,
    "amazon_full/test.csv": _THREE,
    "amazon_polarity/train.csv": _THREE,
    "amazon_polarity/test.csv": _THREE,
    "california_housing/housing.csv": "longitude,latitude,housing_median_age,total_rooms,"
    "total_bedrooms,population,households,median_income,median_house_value,ocean_proximity\n"
    "-122.23,37.88,41.0,880.0,129.0,322.0,126.0,8.3252,452600.0,NEAR BAY\n"
    "-122.16,37.77,47.0,1256.0,,570.0,218.0,4.375,161900.0,<1H OCEAN\n",
    "dbpedia/train.csv": '14,"Some Book"," About ""it""."\n1,"A Company"," It sells."\n',
    "dbpedia/test.csv": '14,"Some Book"," About ""it""."\n',
    "imdb/IMDB Dataset.csv": 'review,sentiment\n"One ""of"" them.<br /><br />Go",positive\n'
    "Of them,negative\n",
    "iris/iris.data": "5.1,3.5,1.4,0.2,Iris-setosa\n6.3,3.3,6.0,2.5,Iris-virginica\n\n",
    "sms_spam/SMSSpamCollection": 'spam\t"WINNER!! Call now\nham\tOk lar, "joking"\n',
    "wine_quality/winequality-red.csv": _WINE,
    "wine_quality/winequality-white.csv": _WINE,
    "yahoo_answers/train.csv": '"10","Who?","","Me"\n' + r'"5","Why\nnot?","I ask","So"' + "\n",
    "yahoo_answers/test.csv": '"10","Who?","","Me"\n',
    "yelp_full/train.csv": _TWO,
    "yelp_full/test.csv": _TWO,
    "yelp_polarity/train.csv": _TWO,
    "yelp_polarity/test.csv": _TWO,
}
IDX_FILES = {
    "emnist": ["emnist-balanced-train-{}", "emnist-balanced-test-{}"],
    "fashion_mnist": ["train-{}", "t10k-{}"],
    "kmnist": ["train-{}", "t10k-{}"],
    "qmnist": ["qmnist-train-{}", "qmnist-test-{}"],
}
IMAGES = np.arange(2 * 28 * 28).reshape(2, 28, 28).astype("uint8")
LABELS = np.array([9, 3], "uint8")


def write_published(raw: Path) -> None:
    """Write two rows or so of each file into the raw folder."""
    files = {path: text.encode() for path, text in CSV_FILES.items()}
    for name, patterns in IDX_FILES.items():
        labels, ending = LABELS, "labels-idx1-ubyte.gz"
        if name == "qmnist":  # the class, and seven numbers that say where the image is from
            labels = np.zeros((2, 8), ">i4")
            labels[:, 0], ending = LABELS, "labels-idx2-int.gz"
        for pattern in patterns:
            for end, rows in (("images-idx3-ubyte.gz", IMAGES), (ending, labels)):
                files[f"{name}/{pattern.format(end)}"] = gzip.compress(encode_idx(rows))
    for path, content in files.items():
        (raw / path).parent.mkdir(parents=True, exist_ok=True)
        (raw / path).write_bytes(content)
