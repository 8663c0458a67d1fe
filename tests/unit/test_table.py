"""The table at the end of a run, by hand."""

import pytest

from commonweal.simulation.table import as_csv, as_text, rows

RUNS = [
    {"welfare": 2.0, "equality": None, "moving": 0.0},
    {"welfare": 3.0, "equality": 0.5, "moving": 0.0},
    {"welfare": 4.0, "equality": None, "moving": 0.0},
]
PUBLISHED = {"equality": (0.9, 0.01), "welfare": (2.5, 0.2), "unknown": (1.0, 1.0)}


def test_means_and_intervals_by_hand():
    equality, welfare, moving = rows(RUNS, PUBLISHED)
    assert (welfare.indicator, welfare.mean, welfare.runs) == ("welfare", 3.0, 3)
    # Sample deviation 1, so 1.96 / sqrt(3).
    assert welfare.half_width == pytest.approx(1.131607)
    assert welfare.published == (2.5, 0.2)
    assert (equality.mean, equality.half_width, equality.runs) == (0.5, None, 1)
    assert (moving.half_width, moving.published) == (0.0, None)


def test_the_text_stands_in_columns():
    lines = as_text(rows(RUNS, PUBLISHED)).splitlines()
    assert lines[0].split() == ["here", "(3", "runs)", "published"]
    assert lines[2].split() == ["welfare", "3.000", "+-", "1.132", "2.500", "+-", "0.200"]
    assert lines[1].split() == ["equality", "0.500", "0.900", "+-", "0.010"]
    assert len({line.index("+-", 30) for line in lines[1:3]}) == 1
    assert "published" not in as_text(rows(RUNS, {}))


def test_the_file_holds_what_the_text_rounds():
    text = as_csv(rows(RUNS, PUBLISHED)).decode().splitlines()
    assert text[0] == "indicator,mean,half_width,runs,published_mean,published_half_width"
    assert text[2] == "welfare,3,1.13160653,3,2.5,0.2"
    assert text[3] == "moving,0,0,3,,"
