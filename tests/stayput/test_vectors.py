import subprocess
import sys
from pathlib import Path

import pytest

from tests.vectors.reading import VECTORS


@pytest.fixture(scope="module")
def remade(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("vectors")
    subprocess.run([sys.executable, "-m", "tests.vectors.make_vectors", str(directory)], check=True)
    return directory


@pytest.mark.parametrize("name", ["elements", "oblivious", "sealing", "signing"])
def test_the_second_implementation_makes_the_same_vectors_again(remade: Path, name: str) -> None:
    assert (remade / f"{name}.json").read_bytes() == (VECTORS / f"{name}.json").read_bytes()
