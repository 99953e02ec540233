from collections.abc import Iterator

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airgap.errors import InputError
from airgap.spec.strictyaml import load_all

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")), max_size=20)


def load(text: str, what: str) -> object:
    found = load_all(text, what)
    assert len(found) <= 1
    return found[0] if found else None


@pytest.fixture(autouse=True, scope="module", params=["libyaml", "PyYAML alone"])
def parser(request: pytest.FixtureRequest) -> Iterator[None]:
    """Read with the parser of libyaml, and with that of Python, which are not everywhere."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param != "libyaml":
            patch.delattr(yaml, "CSafeLoader", raising=False)
        yield


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**17), 10**17) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.booleans())
def test_what_yaml_writes_is_read(value: object, flow: bool) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_flow_style=flow)
    assert load(text, "x") == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("# nothing\n", None), ("a: ~\nb:\nc: null", {"a": None, "b": None, "c": None}),
        ("[yes, No, TRUE, off]", [True, False, True, False]), ("[1, -2, +3, 010]", [1, -2, 3, 10]),
        ("[1.5, .5, 1e3, 2026-01-01]", [1.5, 0.5, "1e3", "2026-01-01"]),
        ("['1', \"yes\", '~']", ["1", "yes", "~"]), ("1: a\n~: b", {"1": "a", "~": "b"}),
        ("a: |\n  x\n  y\nb: >\n  x\n  y\n", {"a": "x\ny\n", "b": "x y\n"}),
        ("<<: {a: 1}", {"<<": {"a": 1}}), ("9999999999999999999", "9999999999999999999"),
    ],
)  # fmt: skip
def test_plain_values(text: str, value: object) -> None:
    assert load(text, "x") == value


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("a: &x 1\nb: *x", "line 1: anchors"), ("b: *x", "line 1: anchors"),
        ("a: &x [1]", "line 1: anchors"), ("a: !!timestamp x", "line 1: the tag"),
        ("a: !!bool x", "line 1: the tag"), ("!x {}", "line 1: the tag"), ("! a", "the tag"),
        ("a: 1\nb: 2\na: 3", "line 3: duplicate key"),
        ("? [a]\n: b", "a key must be a text"), ("? {a: b}\n: b", "a key must be a text"),
        ("a: " + "[" * 33, "line 1: brackets nested deeper than 32"),
        ("\n\na: " + "[{a: " * 17, "line 3: brackets nested"), ("- " * 65 + "a", "nested deeper"),
        ("a:\n" + "".join(" " * n + "a:\n" for n in range(1, 80)), "line 65: nested deeper"),
        ("a: [" + "[]," * 20_000 + "]", "too many values for its size"),
        ("a:\n" + "- b\n" * 20_000, "too many values for its size"), ("a: b: c", "mapping values"),
        ("a: [1", "expected"), ("\ta: 1", "cannot start"), ("a: \0", "characters"),
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match="x: not valid YAML") as caught:
        load(text, "x")
    assert why in caught.value.message
    assert "\n" not in caught.value.message


@pytest.mark.parametrize(
    "unit", ["[", "{", "- ", "? ", "[a: ", "{? ", "- [", "1:", "'", '"', "|\n"]
)
@pytest.mark.parametrize("before", ["", "a: ", "- "])
def test_a_hostile_text_ends_at_what_is_refused(unit: str, before: str, counted: list[int]) -> None:
    """However long it is, the parser makes few events of it."""
    with pytest.raises(InputError):
        load(before + unit * 200_000 + "\n] }", "x")
    assert len(counted) < 200


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    events: list[int] = []
    parse = yaml.parse

    def counting(*arguments: object) -> object:
        for event in parse(*arguments):  # type: ignore[arg-type]
            events.append(1)
            yield event

    monkeypatch.setattr(yaml, "parse", counting)
    return events


def test_a_long_list_is_read() -> None:
    names = [f"registry.example.org/team/app{number}:1" for number in range(5000)]
    assert load("images:\n" + "".join(f"- {n}\n" for n in names), "x") == {"images": names}


def test_all_documents_are_read() -> None:
    assert load_all("a: 1\n---\n- b\n---\n", "x") == [{"a": 1}, ["b"], None]
    assert load_all("", "x") == []
