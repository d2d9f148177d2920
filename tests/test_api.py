"""The reference that `make api` writes has every public name with what its docstring says."""

import warnings

import api

import fer_lib


def test_the_reference_has_every_public_name_and_its_arguments(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # pdoc's, of a name that it cannot resolve
        api.write(tmp_path)
    page = (tmp_path / "fer_lib.html").read_text("utf-8")
    assert all(f'id="{name}"' in page for name in fer_lib.__all__)
    assert "copies stay on one side" in page
    assert (tmp_path / "fer_lib" / "models.html").is_file()
