"""The sample configuration says what there is to configure, and is what `init` writes."""

import json
import tomllib
from importlib.resources import files
from pathlib import Path
from string import Template

from provider_node.config import NodeConfig, load_node
from stayput.limits import DEFAULTS
from tests.provider_node.serving.processes import NodeProcess

NAMES = {"id": "vehicles-1", "department": "traffic-police", "listen": "10.0.0.1:7443"}


def sample() -> str:
    text = files("provider_node").joinpath("sample-node.toml").read_text("utf-8")
    return Template(text).substitute({name: json.dumps(value) for name, value in NAMES.items()})


def with_everything() -> str:
    """The sample with every key that it only mentions."""
    lines = []
    for line in sample().splitlines():
        stripped = line.removeprefix("# ")
        is_key = " = " in stripped and stripped.split(" = ")[0].isidentifier()
        lines.append(stripped if is_key or stripped.startswith("[") else line)
    return "\n".join(lines)


def test_it_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    path.write_text(sample(), "utf-8")
    config = load_node(path)
    assert (config.node.id, config.node.department, config.node.listen) == tuple(NAMES.values())
    assert (config.node.data, config.node.resources) == (tmp_path / "data", tmp_path / "resources")


def test_it_mentions_every_key_with_its_default(tmp_path: Path) -> None:
    path = tmp_path / "node.toml"
    # Of what opens the key files, it is one.
    others = ("passphrase_env = ", "key_file = ")
    path.write_text("\n".join(one for one in with_everything().splitlines() if not one.startswith(others)))
    config = load_node(path)
    assert config.limits.message() == DEFAULTS
    assert (config.policy, config.receipts) == (
        NodeConfig.model_fields["policy"].default,
        NodeConfig.model_fields["receipts"].default,
    )
    mentioned = tomllib.loads(with_everything())
    for table, model in config:
        assert set(mentioned[table]) == set(type(model).model_fields)


async def test_init_writes_it(node_process: NodeProcess) -> None:
    options = [text for name, value in NAMES.items() for text in (f"--{name}", value)]
    ran = await node_process.run("init", "--dir", "new", *options)
    assert ran.code == 0
    new = node_process.directory / "new"
    assert (new / "node.toml").read_text("utf-8") == sample()
    assert sorted(path.name for path in new.iterdir()) == ["data", "node.toml", "resources"]
    assert sorted(path.name for path in (new / "data" / "keys").iterdir()) == [
        "guards.key",
        "index.key",
        "oprf.key",
        "sealing.key",
        "signing.key",
        "tls.csr",
        "tls.key",
    ]
