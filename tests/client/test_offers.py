"""What a resource offers besides outcomes in keyed mode: as listed, described and verified."""

import json
from collections.abc import Callable

import pytest

from stayput import leakage
from stayput.errors import StayputError
from stayput.language import Language, Text
from stayput.oblivious import SUITE, places
from stayput.v1.comparison_pb2 import Description
from stayput.v1.contract_pb2 import (
    GRANULARITY_COUNT,
    GRANULARITY_RECORD,
    MODE_KEYED,
    MODE_OBLIVIOUS,
    LeakageLine,
    ObliviousOffer,
    ObliviousSet,
)
from stayput_client import Client, Granularity, Mode
from tests.client.servicers.faults import Faults
from tests.client.world import CONTRACT, RESOURCE, Command, World, cells, resident_id

KEY, EPOCH = "resident_id", "00f0a1b2c3d4e5f6"
GRANULARITIES = (GRANULARITY_RECORD, GRANULARITY_COUNT)
CHINESE = {"LC_ALL": "zh_CN.UTF-8"}


def offered() -> ObliviousOffer:
    """As the node describes it: three sets under each of two keys, in each granularity."""
    return ObliviousOffer(
        suite=SUITE,
        key_epoch=EPOCH,
        new_key_per_generation=True,
        sets=[
            ObliviousSet(
                key=key,
                check=check or "",
                granularity=granularity,
                public_key=bytes([place]) * 32,
                fingerprints=1_000 + place,
                sha256=bytes(32),
            )
            for place, (key, check, granularity) in enumerate(places(CONTRACT, GRANULARITIES))
        ],
    )


def published(offer: ObliviousOffer) -> ObliviousOffer:
    """As the catalogue shows it, without the figures of a generation."""
    shown = ObliviousOffer()
    shown.CopyFrom(offer)
    for one in shown.sets:
        one.ClearField("fingerprints")
        one.ClearField("sha256")
    return shown


@pytest.fixture
def oblivious(world: World) -> World:
    """The resource with everything on offer."""
    world.node.modes, world.node.oblivious = (MODE_KEYED, MODE_OBLIVIOUS), offered()
    entry = world.catalogue.resources[RESOURCE]
    entry.modes.append(MODE_OBLIVIOUS)
    entry.oblivious.CopyFrom(published(offered()))
    return world


async def test_an_entry_says_what_is_offered(oblivious: World, client: Client) -> None:
    (entry,) = await client.catalogue()
    assert entry.modes == (Mode.KEYED, Mode.OBLIVIOUS)
    assert (entry.granularities, entry.key_epoch) == ((Granularity.RECORD, Granularity.COUNT), EPOCH)
    assert [one.id for one in entry.leakages] == [
        *("keyed-record/1", "keyed-count/1", "oblivious-record/1", "oblivious-count/1"),
    ]
    oblivious.catalogue.resources[RESOURCE].ClearField("granularities")
    (entry,) = await client.catalogue()
    assert entry.granularities == (Granularity.RECORD,)


async def test_a_description_has_the_offer_and_the_node_s_own_words(oblivious: World, client: Client) -> None:
    own = leakage.leakage(MODE_OBLIVIOUS, GRANULARITY_COUNT)
    del own.lines[1:]
    own.id = "oblivious-count/2"
    own.lines.append(LeakageLine(party="court", zh="全部", en="everything"))

    def say(description: Description) -> None:
        del description.leakages[:]
        description.leakages.append(own)

    oblivious.node.faults = Faults(description=say)
    described = await client.describe(RESOURCE)
    assert described.oblivious == offered()
    assert described.granularities == (Granularity.RECORD, Granularity.COUNT)
    *_, stated = described.leakages
    assert (stated.id, stated.mode, stated.granularity) == (
        *("oblivious-count/2", Mode.OBLIVIOUS, Granularity.COUNT),
    )
    assert stated.learned["court"] == Text("everything", "全部")
    # What the node does not state is stated in the words of this release.
    assert described.leakages[0].learned["consumer"].of(Language.CHINESE) == "每条记录的比对结果，别无其他"


def _renamed(offer: ObliviousOffer) -> None:
    offer.sets[1].check = "plate"


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda o: setattr(o, "suite", "oblivious/9"), "SUITE_UNSUPPORTED"),
        (lambda o: setattr(o, "key_epoch", EPOCH.upper()), "FIELD_INVALID: oblivious.key_epoch"),
        (lambda o: o.sets.pop(), "FIELD_INVALID: oblivious.sets"),
        (lambda o: o.ClearField("sets"), "FIELD_INVALID: oblivious.sets"),
        (_renamed, "FIELD_INVALID: oblivious.sets"),
        (lambda o: setattr(o.sets[0], "public_key", bytes(31)), "FIELD_INVALID: oblivious.sets.public_key"),
    ],
)
async def test_an_offer_that_is_malformed(
    oblivious: World, client: Client, change: Callable[[ObliviousOffer], object], complaint: str
) -> None:
    def describe(description: Description) -> None:
        change(description.oblivious)

    oblivious.node.faults = Faults(description=describe)
    with pytest.raises(StayputError, match=complaint):
        await client.describe(RESOURCE)


async def test_keys_without_the_mode_and_the_mode_without_keys(oblivious: World, client: Client) -> None:
    complaint = "PROTOCOL_VIOLATION: the description offers the oblivious mode without its keys"
    oblivious.node.oblivious = None
    with pytest.raises(StayputError, match=complaint):
        await client.describe(RESOURCE)
    oblivious.node.oblivious, oblivious.node.modes = offered(), (MODE_KEYED,)
    with pytest.raises(StayputError, match=complaint):
        await client.describe(RESOURCE)


@pytest.mark.parametrize(
    "change",
    [
        lambda o: setattr(o.sets[4], "public_key", bytes(32)),
        lambda o: setattr(o, "key_epoch", EPOCH[::-1]),
        lambda o: o.sets.pop(),
        lambda o: o.Clear(),
    ],
    ids=["another key", "another epoch", "a set less", "none"],
)
async def test_keys_that_the_catalogue_does_not_show(
    oblivious: World, client: Client, change: Callable[[ObliviousOffer], object]
) -> None:
    change(oblivious.catalogue.resources[RESOURCE].oblivious)
    oblivious.grant("G-2", modes=[MODE_OBLIVIOUS])
    records = [{KEY: resident_id(0)}]
    for asked in (
        client.describe(RESOURCE),
        client.compare(records, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS),
    ):
        with pytest.raises(StayputError, match="PROOF_INVALID") as caught:
            await asked
        assert caught.value.field == "oblivious.sets.public_key"
        assert "nothing was asked" in caught.value.remedy
    assert oblivious.access.tickets == 0
    # A catalogue that lags behind is no reason to keep the keyed mode waiting, which does not use these keys.
    assert (await client.compare(records, resource=RESOURCE, key=KEY)).receipt is not None


async def test_the_offer_is_described_in_both_languages(oblivious: World, stayput: Command) -> None:
    english = await stayput("describe", RESOURCE)
    assert f"Oblivious mode: suite oblivious/1, key epoch {EPOCH}" in english.out.splitlines()
    assert "The provider draws new keys for each generation" in english.out.splitlines()
    assert ["resident_id", "none", "record", "1,000"] in cells(english.out)
    assert ["name_birth", "plate", "count", "1,011"] in cells(english.out)
    assert "Who learns what in oblivious mode, totals only (oblivious-count/1):" in english.out.splitlines()
    chinese = await stayput("describe", RESOURCE, **CHINESE)
    assert f"匿踪比对：密码套件 oblivious/1，密钥期 {EPOCH}" in chinese.out.splitlines()
    assert ["resident_id", "plate", "仅汇总 count", "1,008"] in cells(chinese.out)
    told = "各方可获知的信息，匿踪比对（oblivious），逐条结果（oblivious-record/1）："
    assert told in chinese.out.splitlines()
    described = json.loads((await stayput("describe", RESOURCE, "--json")).out)["oblivious"]
    assert (described["suite"], described["key_epoch"], len(described["sets"])) == (SUITE, EPOCH, 12)
    assert described["sets"][1] == {
        "key": KEY,
        "check": "name",
        "granularity": "RECORD",
        "fingerprints": 1_001,
        "public_key": "01" * 32,
        "sha256": "00" * 32,
    }


async def test_the_offer_is_listed(oblivious: World, stayput: Command) -> None:
    (entry,) = json.loads((await stayput("catalogue", "--json", **CHINESE)).out)
    assert (entry["modes"], entry["granularities"]) == (["KEYED", "OBLIVIOUS"], ["RECORD", "COUNT"])
    assert entry["key_epoch"] == EPOCH
    assert entry["leakages"][0]["consumer"] == "每条记录的比对结果，别无其他"
    listed = cells((await stayput("catalogue")).out)
    told = " ".join(filter(None, (line[listed[0].index("Modes")] for line in listed[1:])))
    assert told == "keyed, oblivious; record, count"


async def test_an_application_names_mode_and_granularity(world: World, stayput: Command) -> None:
    wanted = (
        *("apply", "--resource", RESOURCE, "--key", KEY, "--purpose", "核对"),
        *("--legal-basis", "办法", "--matter", "认定", "--json"),
    )
    in_mode = ("--mode", "oblivious", "--granularity", "count")
    filed = json.loads((await stayput(*wanted, *in_mode)).out)
    assert (filed["mode"], filed["granularity"]) == ("OBLIVIOUS", "COUNT")
    (stored,) = world.access.applications
    assert (stored.mode, stored.granularity) == (MODE_OBLIVIOUS, GRANULARITY_COUNT)
    listed = cells((await stayput("applications", **CHINESE)).out)
    told = "".join(line[listed[0].index("比对方式")] for line in listed[1:]).replace(" ", "")
    assert told == "匿踪oblivious;仅汇总count"
    assert (await stayput(*wanted, "--mode", "secret")).code == 2
