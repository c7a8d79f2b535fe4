"""A new study is one that can be carried out, and its schema knows its keys."""

import json
import tomllib

import pytest

from sgdphys.engines.base import Stopped
from sgdphys.errors import InputError
from sgdphys.study.cases import cases_of
from sgdphys.study.files import load_study, read_keys, shipped_studies
from sgdphys.study.json_schema import study_schema
from sgdphys.study.running import run
from sgdphys.study.template import SCHEMA_FILE, new_study

pytestmark = pytest.mark.thorough(reason="commands, and the recipe of a study")


@pytest.fixture
def written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return new_study("my_study")


@pytest.fixture(scope="module")
def schema():
    return study_schema()


def test_a_new_study_is_valid_and_has_the_title_of_its_name(written):
    name, study = load_study(written)
    assert (name, study.title) == ("my_study", "My study")
    assert study.analyses
    assert study.claims


def test_it_begins_to_run(written, tmp_path):
    with pytest.raises(Stopped):
        run(written, tmp_path / "run", quick=True, stop=lambda: True)


def test_what_it_has_in_comments_is_valid_too(written):
    text = written.read_text(encoding="utf-8")
    for commented, plain in (
        ('# [sweep]\n# "train', '[sweep]\n"train'), ("# weight_decay", "weight_decay"),
    ):  # fmt: skip
        assert commented in text
        text = text.replace(commented, plain)
    written.write_text(text, encoding="utf-8")
    study = load_study(written)[1]
    assert len(cases_of(study)) == 3
    assert study.train.weight_decay > 0


def test_its_first_line_points_editors_to_the_schema(written):
    assert written.read_text(encoding="utf-8").startswith(f"#:schema ./{SCHEMA_FILE}\n")


def test_nothing_is_written_over(written):
    before = written.read_bytes()
    with pytest.raises(InputError, match="exists and is not changed"):
        new_study("my_study.toml")
    assert written.read_bytes() == before


@pytest.mark.parametrize("name", ["", ".toml", "nowhere/mine"])
def test_names_of_no_file_are_refused(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        new_study(name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ['quo"te', "back\\slash", "ünïcode", "{braces}"])
def test_odd_names_make_valid_toml(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert tomllib.loads(new_study(name).read_text(encoding="utf-8"))["title"]


def test_every_key_has_a_meaning_and_every_table_too(schema):
    for name, table in schema["$defs"].items():
        assert table.get("description"), name
        for key, value in table["properties"].items():
            assert value.get("description"), f"{name}.{key}"
    for key, value in schema["properties"].items():
        assert value.get("description"), key


def test_what_a_run_fills_in_is_not_offered(schema):
    assert not {"folder", "contents", "quick"} & set(schema["properties"])


def resolved(node, schema):
    return schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def test_the_schema_accepts_every_study(schema):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    for path in shipped_studies().values():
        jsonschema.validate(read_keys(path), schema)


@pytest.mark.parametrize("path", shipped_studies().values(), ids=shipped_studies())
def test_the_schema_has_every_key_of_every_study(schema, path):
    for table, keys in read_keys(path).items():
        known = resolved(schema["properties"][table], schema)
        if table in ("task", "network", "train", "record"):
            assert set(keys) <= set(known["properties"])
        if table == "analyses":
            for name, inside in keys.items():
                kind = known["properties"][inside.get("of", name)]
                assert set(inside) <= set(resolved(kind, schema)["properties"])


def test_the_schema_refuses_what_a_study_refuses(schema):
    train = schema["$defs"]["Train"]
    assert train["additionalProperties"] is False
    assert train["properties"]["sampling"]["enum"] == ["shuffle", "replacement", "fixed", "full"]
    assert "symmetric_rule" in schema["$defs"]["Task"]["properties"]["name"]["enum"]
    assert "bits_lost" in schema["$defs"]["Claim"]["properties"]["statistic"]["enum"]
    json.dumps(schema)
