"""What docs/sources.md shows is what the node reads."""

import re
import tomllib
from pathlib import Path

from pydantic import TypeAdapter

from provider_node.config import SourceConfig
from tests.docs.terminal import document

_SAMPLE = re.compile(r"```toml\n(.*?)```", re.DOTALL)


def test_the_samples_are_sources() -> None:
    config: TypeAdapter[SourceConfig] = TypeAdapter(SourceConfig)
    samples = [tomllib.loads(text) for text in _SAMPLE.findall(document("sources.md"))]
    kinds = [config.validate_python(sample["source"], context=Path()).kind for sample in samples]
    assert {"csv", "parquet", "excel"} <= set(kinds)
