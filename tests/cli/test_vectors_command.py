"""vae-np vectors."""

from __future__ import annotations

from pathlib import Path

from cli.conftest import one_line


def test_it_writes_the_vectors_and_their_page(vae_np):
    done = vae_np("vectors")
    assert done.code == 0
    assert done.out == "4 files in vectors; FORMAT.md says what is in them\n"
    assert Path("vectors/FORMAT.md").read_text().startswith("# The conformance vectors")
    found = vae_np("vectors", "--out", "arrays", "--format", "npz", "--json").json
    assert found["out"] == "arrays"
    assert sorted(file.name for file in Path("arrays").iterdir()) == sorted(found["files"])


def test_a_folder_that_is_a_file_is_told(vae_np):
    Path("taken").write_text("")
    one_line(vae_np("vectors", "--out", "taken"), "taken: File exists")
