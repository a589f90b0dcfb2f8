"""Which prompt made a row: read from manifest and shard, damaged ones refused."""

import json

import pyarrow as pa
import pyarrow.ipc as ipc
import pytest

from pipeline.errors import ArtefactError
from pipeline.training.text.prompts import read_prompts
from pipeline.training.view import PromptName


def tokens(folders):
    return folders.root / "tokens" / "report"


def edited(folders, edit):
    """Change the manifest of the report shards."""
    path = tokens(folders) / "manifest.json"
    manifest = json.loads(path.read_text())
    edit(manifest)
    path.write_text(json.dumps(manifest))


def rewritten(folders, task, **columns):
    """Replace columns of a shard."""
    path = tokens(folders) / f"{task}.arrow"
    with ipc.open_file(str(path)) as file:
        table = file.read_all()
    for name, values in columns.items():
        place = table.schema.get_field_index(name)
        field = table.schema.field(name)
        table = table.set_column(place, field, pa.array(values, field.type))
    table = table.combine_chunks()
    with ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)


def test_each_prompt_has_its_rows(text_folders):
    found = read_prompts(tokens(text_folders(rows=4, prompts=3).build()))
    assert list(found) == ["alpha", "beta", "gamma"]
    assert found["beta"].prompts == tuple(PromptName(f"p{i}", f"prompt {i}") for i in range(3))
    rows = {prompt.id: rows.tolist() for prompt, rows in found["beta"].rows()}
    assert rows == {"p0": [0, 3, 6, 9], "p1": [1, 4, 7, 10], "p2": [2, 5, 8, 11]}


def test_a_row_counts_once_a_prompt(text_folders):
    folders = text_folders(rows=3, prompts=2).build()
    rewritten(folders, "beta", row=[0, 0, 1, 1, 0, 2])
    with pytest.raises(ArtefactError, match=r"beta\.arrow: holds row 0 twice under prompt 'p0'"):
        read_prompts(tokens(folders))


def test_prompts_that_the_manifest_does_not_name_are_refused(text_folders):
    folders = text_folders(rows=3, prompts=2).build()
    edited(folders, lambda manifest: manifest["tasks"][0]["prompts"].pop())
    with pytest.raises(ArtefactError, match="counts in 2 prompts") as caught:
        read_prompts(tokens(folders))
    assert "the 1 of the manifest" in str(caught.value)
    edited(folders, lambda manifest: manifest["tasks"][0].pop("prompts"))
    with pytest.raises(ArtefactError, match=r"tasks\.0\.prompts: is missing"):
        read_prompts(tokens(folders))
    edited(folders, lambda manifest: manifest["tasks"][0].update(prompts=["p0", "p1"]))
    with pytest.raises(ArtefactError, match=r"tasks\.0\.prompts\.0: is 'p0'"):
        read_prompts(tokens(folders))
