"""What the node says about its resources: the signed description, and the catalogue entry."""

from typing import Final

from provider_node.config import ResourceConfig, contract_of
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.session import Clock, chunk_records
from provider_node.store.generations import Generation
from stayput.contract import SALT_BYTES
from stayput.signing import PayloadType, sign
from stayput.v1.catalogue_pb2 import Category, Resource, Sharing, UpdateFrequency
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import Mode
from stayput.v1.signing_pb2 import Envelope

MODES: Final = (Mode.MODE_KEYED,)


def describe(generation: Generation, identity: NodeIdentity, clock: Clock) -> Envelope:
    """The signed description of what serves now."""
    manifest = generation.manifest
    description = Description(
        node_id=identity.node_id,
        provider=identity.department,
        contract=manifest.contract,
        sealing_key=identity.sealing_key.public_bytes(),
        sealing_key_id=identity.sealing_key.id,
        generation=manifest.generation,
        modes=MODES,
        chunk_records=chunk_records(len(manifest.contract.checks)),
    )
    description.as_of.FromDatetime(manifest.as_of)
    description.issued_at.FromDatetime(clock())
    return sign(PayloadType.DESCRIPTION, description, identity.signing_key)


def entry(resource: ResourceConfig, generation: Generation | None, address: str) -> Resource:
    """The catalogue entry of a resource, with the keys, checks and fields that serve or will be built."""
    contract = generation.manifest.contract if generation else contract_of(resource, bytes(SALT_BYTES))
    listed = Resource(
        code=resource.code,
        title=resource.title,
        title_en=resource.title_en,
        address=address,
        category=Category.Value("CATEGORY_" + _upper(resource.category)),
        sharing=Sharing.Value("SHARING_" + _upper(resource.sharing)),
        conditions=resource.conditions,
        legal_basis=resource.legal_basis,
        update_frequency=UpdateFrequency.Value("UPDATE_FREQUENCY_" + _upper(resource.update_frequency)),
        keys=contract.keys,
        checks=contract.checks,
        fields=contract.fields,
        modes=MODES,
    )
    if generation is not None:
        listed.generation = generation.manifest.generation
        listed.as_of.FromDatetime(generation.manifest.as_of)
    return listed


def _upper(word: str) -> str:
    return word.upper().replace("-", "_")
