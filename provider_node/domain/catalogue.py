"""What the node says about its resources: the signed description, and the catalogue entry."""

from collections.abc import Sequence
from dataclasses import dataclass

from provider_node.config import ResourceConfig, contract_of, granularities_of, modes_of
from provider_node.domain.accounts import Clock
from provider_node.domain.by_record import chunk_records
from provider_node.domain.identity import NodeIdentity
from provider_node.domain.oblivious import chunk_elements
from provider_node.store.generations import Generation
from stayput.contract import SALT_BYTES
from stayput.leakage import leakages
from stayput.signing import PayloadType, sign
from stayput.v1.catalogue_pb2 import Category, Resource, Sharing, UpdateFrequency
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import Granularity, Mode, ObliviousOffer
from stayput.v1.signing_pb2 import Envelope


@dataclass(frozen=True, slots=True)
class Offered:
    """Modes, and the granularities in each; `oblivious` is set if a generation serves in that mode."""

    modes: Sequence["Mode.ValueType"]
    granularities: Sequence["Granularity.ValueType"]
    oblivious: ObliviousOffer | None = None


def offered(resource: ResourceConfig, generation: Generation | None) -> Offered:
    """What the configuration offers now, as far as the generation was built for it.

    What was taken out of the configuration is offered no more; what oblivious mode needs is there after the
    next build.
    """
    modes, granularities = modes_of(resource), granularities_of(resource)
    if generation is None or resource.oblivious is None:
        return Offered(modes, granularities)
    built = generation.manifest.oblivious
    if built is None:
        return Offered([Mode.MODE_KEYED], granularities)
    offer = ObliviousOffer()
    offer.CopyFrom(built.offer)
    del offer.sets[:]
    offer.sets.extend(one for one in built.offer.sets if one.granularity in granularities)
    return Offered(modes, sorted({one.granularity for one in offer.sets}), offer)


def describe(generation: Generation, offering: Offered, identity: NodeIdentity, clock: Clock) -> Envelope:
    """The signed description of what serves now; its `chunk_records` may be sent in every mode offered."""
    manifest, sealing_key = generation.manifest, identity.sealing_keys.current
    checks = len(manifest.contract.checks)
    most = chunk_records(checks)
    if offering.oblivious is not None:
        most = min(most, chunk_elements(checks))
    description = Description(
        node_id=identity.node_id,
        provider=identity.department,
        contract=manifest.contract,
        sealing_key=sealing_key.public_bytes(),
        sealing_key_id=sealing_key.id,
        generation=manifest.generation,
        modes=offering.modes,
        granularities=offering.granularities,
        oblivious=offering.oblivious,
        leakages=leakages(offering.modes, offering.granularities),
        chunk_records=most,
    )
    description.as_of.FromDatetime(manifest.as_of)
    description.issued_at.FromDatetime(clock())
    return sign(PayloadType.DESCRIPTION, description, identity.signing_key)


def entry(
    resource: ResourceConfig,
    generation: Generation | None,
    offering: Offered,
    address: str,
    replica_addresses: Sequence[str] = (),
) -> Resource:
    """The catalogue entry of a resource, with the keys, checks and fields that serve or will be built.

    Consumers reach the node at `address` and its replicas at `replica_addresses`, each `host:port`.
    """
    contract = generation.manifest.contract if generation else contract_of(resource, bytes(SALT_BYTES))
    listed = Resource(
        code=resource.code,
        title=resource.title,
        title_en=resource.title_en,
        address=address,
        replica_addresses=replica_addresses,
        category=Category.Value("CATEGORY_" + _upper(resource.category)),
        sharing=Sharing.Value("SHARING_" + _upper(resource.sharing)),
        conditions=resource.conditions,
        legal_basis=resource.legal_basis,
        update_frequency=UpdateFrequency.Value("UPDATE_FREQUENCY_" + _upper(resource.update_frequency)),
        keys=contract.keys,
        checks=contract.checks,
        fields=contract.fields,
        modes=offering.modes,
        granularities=offering.granularities,
        oblivious=_listed(offering.oblivious),
        leakages=leakages(offering.modes, offering.granularities),
    )
    if generation is not None:
        listed.generation = generation.manifest.generation
        listed.as_of.FromDatetime(generation.manifest.as_of)
    return listed


def _listed(offer: ObliviousOffer | None) -> ObliviousOffer | None:
    """The offer without what is different in each generation."""
    if offer is None:
        return None
    listed = ObliviousOffer()
    listed.CopyFrom(offer)
    for one in listed.sets:
        one.ClearField("fingerprints")
        one.ClearField("sha256")
    return listed


def _upper(word: str) -> str:
    return word.upper().replace("-", "_")
