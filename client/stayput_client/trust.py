"""The trust file of a home directory: which keys evidence is verified with. See stayput.evidence.trust."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from stayput.errors import StayputError
from stayput.evidence import Trust
from stayput.evidence.trust import Keys, raw_key, verifier_key
from stayput.identity import checked_code
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client.faults import ClientFault
from stayput_client.home import damaged, write_private

TRUST_FILE = "trust.toml"


class TrustFile:
    """A trust file. Creating the object touches nothing; whatever changes it returns what it then states."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Trust:
        """What the file states; `CONFIGURATION_INVALID` if it is not there or wrong."""
        try:
            return Trust.parse(self.path.read_text("utf-8"))
        except FileNotFoundError:
            reason = ErrorReason.ERROR_REASON_CONFIGURATION_INVALID
            raise ClientFault(reason, "no_trust", file=str(self.path)) from None
        except UnicodeDecodeError:
            raise damaged(self.path) from None

    def begin(self, log: str) -> Trust:
        """A new file with the log's verifier key; `PINNED_KEY_CHANGED` if one states another."""
        key = verifier_key("log", log)
        if not self.path.exists():
            return self._stored(Trust(key))
        trust = self.load()
        if trust.log != key:
            raise self._changed("trust_log")
        return trust

    def add_witness(self, witness: str, least: int | None) -> Trust:
        """Adds a witness's verifier key, and says how many witnesses are demanded from now on."""
        trust, key = self.load(), verifier_key("witnesses", witness)
        witnesses = tuple(dict.fromkeys((*trust.witnesses, key)))
        demanded = trust.least_witnesses if least is None else least
        return self._stored(replace(trust, witnesses=witnesses, least_witnesses=demanded))

    def add_node(self, node_id: str, key: str) -> Trust:
        """Adds a key of a node, besides those that it had."""
        trust, raw = self.load(), raw_key("nodes", key)
        return self._stored(replace(trust, nodes=_with(trust.nodes, checked_code(node_id, "node"), raw)))

    def add_consumer(self, code: str, key: str) -> Trust:
        """Adds a key of a consumer, besides those that it had."""
        trust, raw = self.load(), raw_key("consumers", key)
        code = checked_code(code, "department")
        return self._stored(replace(trust, consumers=_with(trust.consumers, code, raw)))

    def pin(self, nodes: Mapping[str, bytes], check: Callable[[str, bytes], None]) -> Trust:
        """Adds the keys of nodes that are not known yet; `PINNED_KEY_CHANGED` if one has another key.

        `check` may refuse a key. Nothing is stored then.
        """
        trust = self.load()
        keys = trust.nodes
        for node_id, key in nodes.items():
            check(node_id, key)
            if key not in keys.get(node_id, (key,)):
                raise self._changed("trust_node", node=node_id)
            keys = _with(keys, checked_code(node_id, "node"), key)
        return self._stored(replace(trust, nodes=keys))

    def _stored(self, trust: Trust) -> Trust:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self.path, trust.to_toml().encode())
        return trust

    def _changed(self, name: str, **places: str) -> StayputError:
        reason = ErrorReason.ERROR_REASON_PINNED_KEY_CHANGED
        return ClientFault(reason, name, field="signing_key", file=str(self.path), **places)


def _with(keys: Keys, party: str, key: bytes) -> Keys:
    return {**keys, party: tuple(dict.fromkeys((*keys.get(party, ()), key)))}
