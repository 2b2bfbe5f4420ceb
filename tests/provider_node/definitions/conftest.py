"""A node's files: a register, its resource, and the definitions over them with a clock that stands still."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from provider_node.domain.definitions import Definitions
from stayput.v1.admin_pb2 import PutDefinitionRequest, PutDefinitionResponse
from tests.provider_node.serving import register

NOW = datetime(2026, 11, 22, 8, 15, tzinfo=UTC)
ADMINISTRATOR = "王建国"


@dataclass(frozen=True)
class Files:
    """The files, and what is made of them."""

    directory: Path
    definitions: Definitions

    @property
    def file(self) -> Path:
        """The resource file; its name is not the resource's code."""
        return self.directory / "resources" / "vehicles.toml"

    def check(self, toml: str) -> PutDefinitionResponse:
        """What the definition would change."""
        return self.definitions.put(PutDefinitionRequest(toml=toml)).response

    def store(self, toml: str, base: int, administrator: str = ADMINISTRATOR) -> PutDefinitionResponse:
        """What it has changed."""
        request = PutDefinitionRequest(toml=toml, store=True, base_version=base, administrator=administrator)
        return self.definitions.put(request).response

    def known(self, code: str = register.CODE) -> list[tuple[int, str]]:
        """The versions and who stored them, newest first."""
        return [(one.version, one.administrator) for one in self.definitions.versions(code)]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    register.write_files(tmp_path)
    return Files(tmp_path, Definitions(tmp_path / "data", tmp_path / "resources", lambda: NOW))
