"""Kinds are found by their file's name, and everything is refused in one line."""

import sys
from pathlib import Path

import pytest

from commonweal.errors import BrokenContract, UnknownName
from commonweal.registry import Registry

MODULE = '''
from {package} import TOOLS

@TOOLS.register("{name}")
class Tool:
    """Does {name}.

    More.
    """
'''


@pytest.fixture
def tools(tmp_path, monkeypatch, request):
    """A registry over a package of three modules on disk; broken.py cannot be imported."""
    package = f"tools_{abs(hash(request.node.name))}"
    folder = tmp_path / package
    folder.mkdir()
    (folder / "__init__.py").write_text(
        f"from commonweal.registry import Registry\nTOOLS = Registry('tool', '{package}')\n"
    )
    (folder / "hammer.py").write_text(MODULE.format(package=package, name="hammer"))
    (folder / "others.py").write_text(MODULE.format(package=package, name="saw"))
    (folder / "nothing.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    yield __import__(package).TOOLS
    for name in [name for name in sys.modules if name.partition(".")[0] == package]:
        del sys.modules[name]


def test_lookup_by_file_name_imports_that_file_only(tools):
    assert tools["hammer"].__name__ == "Tool"
    assert f"{tools.package}.hammer" in sys.modules
    assert f"{tools.package}.others" not in sys.modules


def test_name_that_no_file_carries_is_found(tools):
    assert tools["saw"].__module__.endswith(".others")


def test_names_are_complete_after_a_single_lookup(tools):
    assert tools["hammer"]
    assert tools.names() == ["hammer", "saw"]


def test_contains(tools):
    assert "hammer" in tools and "saw" in tools
    assert "axe" not in tools and 3 not in tools and "os.path" not in tools


def test_unknown_name(tools):
    with pytest.raises(UnknownName, match="^no tool named 'hamer'; did you mean 'hammer'\\?$"):
        tools["hamer"]
    with pytest.raises(UnknownName, match="^no tool named 'zzz'; known: hammer, saw$"):
        tools["zzz"]


def test_module_that_registers_nothing_is_unknown(tools):
    with pytest.raises(UnknownName, match="'nothing'"):
        tools["nothing"]


def test_summary_and_file(tools):
    assert tools.summary("saw") == "Does saw."
    assert tools.file("saw").name == "others.py"


def test_doubles_are_refused():
    registry = Registry("tool", "nowhere")
    registry.register("pathlib")(Path)
    with pytest.raises(
        BrokenContract, match="two tool kinds are named 'pathlib'.*pathlib.*Registry"
    ):
        registry.register("pathlib")(Registry)
    assert registry["pathlib"] is Path


@pytest.mark.parametrize("name", ["Upper", "with space", "a.b", "", "1st"])
def test_names_that_no_flag_could_carry_are_refused(name):
    with pytest.raises(BrokenContract, match="lower-case"):
        Registry("tool", "nowhere").register(name)


def test_fault_inside_a_module_is_not_hidden(tools):
    folder = Path(sys.modules[tools.package].__file__).parent
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_anywhere"):
        tools["broken"]
