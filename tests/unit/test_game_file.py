"""Games from a user's own file: what it may say, and what is answered when it says it wrongly."""

import networkx as nx
import pytest
import torch

from commonweal.errors import BadFile, BadSetting, BrokenContract
from tests.games import game, played, rewards, slopes

PENNIES = """
import torch
from dataclasses import dataclass

PLAYERS = 2
SCALE = 2.0

def losses(actions):
    one, other = actions[..., 0, 0], actions[..., 1, 0]
    return SCALE * torch.stack((-one * other, one * other), -1)
"""


@pytest.fixture
def write(tmp_path):
    def written(text, name="own.py"):
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return written


def test_losses_are_lost(write):
    world = game("game_file", path=write(PENNIES))
    assert rewards(world, (0.5, 0.25)) == [0.25, -0.25]
    assert (world.spec.actions.low, world.spec.actions.high, world.spec.actions.size) == (-1, 1, 1)
    assert played(world, [3.0, -3.0]) == [[3.0, -3.0]]


def test_payoffs_are_earned(write):
    path = write("def payoffs(actions):\n    return actions[..., 0] * 3\n")
    assert rewards(game("game_file", 3, path=path), (1, 0.5, 0)) == [3, 1.5, 0]


def test_an_edit_counts_at_once(write):
    assert rewards(game("game_file", path=write(PENNIES)), (0.5, 0.25))[0] == 0.25
    assert (
        rewards(game("game_file", path=write(PENNIES.replace("2.0", "4.0"))), (0.5, 0.25))[0] == 0.5
    )


def test_the_file_knows_its_window_and_size(write):
    path = write("SIZE, LOW, HIGH = 2, 0, 4\ndef payoffs(a):\n    return a[..., 0] * a[..., 1]\n")
    world = game("game_file", path=path, low=-9.0)
    box = world.spec.actions
    assert (box.low, box.high, box.size) == (0, 4, 2)
    assert world.state.last.tolist() == [[[2, 2], [2, 2]]]
    assert rewards(world, (1, 2, 3, 4)) == [2, 12]


@pytest.mark.parametrize("players", [1, 2, 5])
def test_without_a_file_it_is_a_public_good_with_growing_costs(players):
    world = game("game_file", players if players > 1 else nx.empty_graph(1))
    effort = [0.25 * (node + 1) for node in range(players)]
    good = 0.8 / players * sum(effort)
    assert rewards(world, effort) == pytest.approx([good - own**2 / 2 for own in effort])
    # Each alone is content with m / n, all together with m.
    content = slopes(world, [0.8 / players] * players).diagonal()
    together = slopes(world, [0.8] * players).sum(0)
    torch.testing.assert_close(content, torch.zeros_like(content))
    torch.testing.assert_close(together, torch.zeros_like(together))


FUNCTION = "def losses(actions):\n    return actions[..., 0]\n"


@pytest.mark.parametrize(
    ("text", "error", "says"),
    [
        ("x = (", BadFile, "SyntaxError"),
        ("x = 1\nimport nothing_of_this_name\n", BadFile, "line 2: ModuleNotFoundError"),
        ("x = 1\n\nx / 0\n", BadFile, "line 3: ZeroDivisionError: division by zero$"),
        ("raise ValueError('one\\ntwo')", BadFile, "line 1: ValueError: one two$"),
        ("import sys; sys.exit(3)", BadFile, "line 1: SystemExit: 3"),
        ("x = 1\n", BadFile, "defines neither losses nor payoffs; one function"),
        ("losses = 3\n", BadFile, "defines neither losses nor payoffs"),
        (FUNCTION + "payoffs = losses\n", BadFile, "defines both losses and payoffs"),
        (FUNCTION + "SIZE = 0\n", BadFile, "SIZE = 0 is not a whole number of at least 1"),
        (FUNCTION + "SIZE = True\n", BadFile, "SIZE = True is not a whole number"),
        (FUNCTION + "PLAYERS = 2.5\n", BadFile, "PLAYERS = 2.5 is not a whole number"),
        (FUNCTION + "LOW = 'a'\n", BadFile, "LOW or HIGH: .*low = 'a' is not a finite number"),
        (FUNCTION + "LOW = 7\n", BadFile, "low = 7.0 does not lie below high = 1.0"),
        (FUNCTION + "PLAYERS = 3\n", BadSetting, "is for 3 players, but the graph has 2 nodes"),
        (
            FUNCTION + "SIZE = 2\ndef losses(a):\n    return a\n",
            BrokenContract,
            r"shape \[3, 2, 2\]",
        ),
        (FUNCTION.replace("..., 0]", "..., 0].round()"), BrokenContract, "jump by"),
        (FUNCTION.replace("..., 0]", "..., 4]"), BrokenContract, "fail: IndexError"),
    ],
)
def test_what_is_wrong_with_a_file_is_said_in_one_line(write, text, error, says):
    path = write(text)
    with pytest.raises(error, match=says) as caught:
        game("game_file", path=path)
    assert "\n" not in str(caught.value)
    assert path in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BadFile, match="none.py: No such file or directory$"):
        game("game_file", path=str(tmp_path / "none.py"))


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(BadFile) as caught:
        game("game_file", path=str(tmp_path))
    assert "\n" not in str(caught.value)


def test_start_and_border_are_settings_as_everywhere(write):
    world = game("game_file", path=write(PENNIES), boundary="projection", start=(0.5, -1.0))
    assert world.spec.start == (0.5, -1.0)
    assert played(world, [3.0, -3.0]) == [[1.0, -1.0]]
