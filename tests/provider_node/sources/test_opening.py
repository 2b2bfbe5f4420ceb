import subprocess
import sys
from pathlib import Path

import pytest

from tests.provider_node.sources.reading import problem


@pytest.mark.parametrize(("kind", "library"), [("parquet", "pyarrow"), ("excel", "python_calamine")])
def test_a_library_that_is_not_installed_is_told_with_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, library: str
) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    error = problem(tmp_path, {}, kind=kind, path="v")
    assert error.field == "source.kind"
    assert error.message == (
        f"source.kind: a source of kind '{kind}' needs the library {library}, which is not installed"
    )
    assert error.remedy == f"pip install 'stayput[{kind}]'"


def test_libraries_are_loaded_by_the_sources_that_need_them() -> None:
    program = "import sys, provider_node.sources; print({'pyarrow', 'python_calamine'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    assert done.stdout == "set()\n"
