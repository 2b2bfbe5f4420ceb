"""Fingerprints are fetched once for each generation, kept, and removed when nobody may use them."""

import asyncio
import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.v1.access_pb2 import GRANT_STATE_SUSPENDED
from stayput.v1.contract_pb2 import GRANULARITY_RECORD, MODE_KEYED, MODE_OBLIVIOUS
from stayput.v1.errors_pb2 import ErrorReason
from stayput_client import Client, Comparison, Mode, Outcome
from stayput_client.fingerprint_cache import Generation
from stayput_client.home import Home
from stayput_client.oblivious import forget_fingerprints
from tests.client.servicers.fingerprints import Fingerprints
from tests.client.servicers.oblivious import ObliviousFaults, ObliviousPeer
from tests.client.servicers.register import NODE
from tests.client.world import CONTRACT, RESOURCE, World, resident_id

KEY, CHECKS = "resident_id", ("name", "plate")
RECORDS = [{KEY: resident_id(serial), "name": "张三"} for serial in range(3)]


class Cache:
    """The files below a home's `fingerprints`."""

    def __init__(self, home: Path) -> None:
        self.root = home / "fingerprints"

    @property
    def files(self) -> dict[str, Path]:
        found = (path for path in self.root.rglob("*") if path.is_file())
        return {path.name: path for path in found if path.suffix not in {".json", ".lock"}}

    @property
    def generations(self) -> int:
        return len([path for path in self.root.glob("*/*/*") if path.is_dir()])

    @property
    def receipts(self) -> list[Path]:
        return list(self.root.rglob("*.receipt.json"))

    @property
    def modes(self) -> tuple[set[int], set[int]]:
        """Of directories and of files."""
        everything = [self.root, *self.root.rglob("*")]
        directories, files = (
            [path for path in everything if path.is_dir() is kind] for kind in (True, False)
        )
        return {stat.S_IMODE(one.stat().st_mode) for one in directories}, {
            stat.S_IMODE(one.stat().st_mode) for one in files if one.suffix != ".lock"
        }

    def spoil(self, name: str) -> None:
        path = self.files[name]
        content = path.read_bytes()
        path.write_bytes(bytes([content[0] ^ 1]) + content[1:])


@pytest.fixture
def cache(world: World) -> Cache:
    return Cache(world.home)


async def compare(client: Client, checks: Sequence[str] = CHECKS) -> Comparison:
    done = await client.compare(RECORDS, resource=RESOURCE, key=KEY, checks=checks, mode=Mode.OBLIVIOUS)
    assert [one.outcome for one in done.results] == [Outcome.MATCH, Outcome.MATCH, Outcome.NOT_FOUND]
    return done


async def test_a_generation_is_fetched_once(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    first, second = await compare(client), await compare(client)
    async with Client.open(world.home) as another:
        await compare(another)
    assert len(node.fetches) == 1
    assert set(cache.files) == {f"record.{KEY}", f"record.{KEY}.name", f"record.{KEY}.plate"}
    assert cache.modes == ({0o700}, {0o600})
    (fetch,) = first.summary.further_receipts
    assert fetch.receipt.fetch.fingerprints == 2 + 4 + 3
    assert second.summary.further_receipts == ()
    (kept,) = cache.receipts
    assert kept.name == f"{fetch.receipt.session_id.hex()}.receipt.json"
    assert (await client.verify_receipt(kept.read_text("utf-8"))).HasField("fetch")


async def test_only_what_is_lacking_is_fetched(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client, ())
    await compare(client, ("plate",))
    await compare(client, ("name", "plate"))
    assert [list(one.held) for one in node.fetches] == [[0], [2, 0], [2, 0, 3]]


async def test_the_other_granularity_has_files_of_its_own(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client, ())
    records = [{KEY: resident_id(serial)} for serial in range(20)]
    await client.count(records, resource=RESOURCE, key=KEY, mode=Mode.OBLIVIOUS)
    assert set(cache.files) == {f"record.{KEY}", f"count.{KEY}"}
    assert cache.generations == 1


async def test_a_damaged_file_is_fetched_again(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    cache.spoil(f"record.{KEY}.name")
    await compare(client)
    assert [list(one.held) for one in node.fetches] == [[0, 0, 0], [2, 0, 3]]


async def test_a_broken_fetch_is_gone_on_with_later(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    node.block_fingerprints = 1
    node.lies = ObliviousFaults(before_block=_refused_at(4))
    with pytest.raises(StayputError, match="QUOTA_EXCEEDED"):
        await compare(client)
    assert node.asked == []
    assert set(cache.files) == {f"record.{KEY}{check}.partial" for check in ("", ".name", ".plate")}
    node.lies = ObliviousFaults()
    async with Client.open(world.home) as another:
        await compare(another)
    assert [list(one.held) for one in node.fetches] == [[0, 0, 0], [2, 2, 0]]


async def test_a_damaged_part_is_thrown_away_and_all_fetched_again(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    node.lies = ObliviousFaults(before_block=_refused_at(1))
    with pytest.raises(StayputError, match="QUOTA_EXCEEDED"):
        await compare(client)
    node.lies = ObliviousFaults()
    cache.spoil(f"record.{KEY}.partial")
    await compare(client)
    assert [list(one.held) for one in node.fetches] == [[0, 0, 0], [2, 0, 0], [0, 4, 3]]


async def test_fingerprints_that_stay_wrong_are_not_fetched_for_ever(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    node.lies = ObliviousFaults(before_block=_refused_at(1))
    with pytest.raises(StayputError, match="QUOTA_EXCEEDED"):
        await compare(client)
    node.lies = ObliviousFaults(set=lambda whole: whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(StayputError, match="PROOF_INVALID: fingerprints: "):
        await compare(client)
    assert node.asked == []


def _refused_at(block: int) -> Callable[[int], Awaitable[None]]:
    async def before(number: int) -> None:
        if number == block:
            raise StayputError(ErrorReason.ERROR_REASON_QUOTA_EXCEEDED, "no room", field="records_per_day")

    return before


async def test_a_newer_generation_takes_the_place_of_the_older(
    world: World, client: Client, node: ObliviousPeer, cache: Cache, register_rows: list[dict[str, str]]
) -> None:
    await compare(client)
    register_rows.append({**register_rows[0], KEY: resident_id(2)})
    world.node.generation = "generation-8"
    node.fingerprints = Fingerprints(CONTRACT, register_rows)
    node.oblivious = node.fingerprints.offer()
    client._agreements.forget()
    done = await client.compare(RECORDS, resource=RESOURCE, key=KEY, checks=CHECKS, mode=Mode.OBLIVIOUS)
    assert [one.outcome for one in done.results] == [Outcome.MATCH] * 3
    assert (cache.generations, len(cache.receipts)) == (1, 1)
    fetch = done.summary.further_receipts[0].receipt.fetch
    assert (fetch.held_elements, fetch.charged_elements) == (6, 6)


async def test_a_generation_s_name_is_no_path(
    world: World, client: Client, node: ObliviousPeer, cache: Cache, tmp_path: Path
) -> None:
    before = names(tmp_path)
    node.generation = "../../../../escaped"
    await compare(client)
    assert cache.generations == 1
    assert names(tmp_path) == before


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


async def test_of_several_at_once_one_fetches(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    node.block_fingerprints = 1
    async with Client.open(world.home) as another, Client.open(world.home) as third:
        await asyncio.gather(compare(client), compare(another), compare(third))
    assert len(node.fetches) == 1


async def test_a_set_without_fingerprints_is_kept_too(
    world: World, client: Client, node: ObliviousPeer, cache: Cache, register_rows: list[dict[str, str]]
) -> None:
    rows = [{**row, "plate": ""} for row in register_rows]
    node.fingerprints = Fingerprints(CONTRACT, rows)
    node.oblivious = node.fingerprints.offer()
    asked = [{**one, "plate": "京A12345"} for one in RECORDS]
    for _ in range(2):
        done = await client.compare(asked, resource=RESOURCE, key=KEY, checks=CHECKS, mode=Mode.OBLIVIOUS)
        assert [one.checks["plate"] for one in done.results] == [
            Outcome.UNVERIFIABLE,
            Outcome.UNVERIFIABLE,
            Outcome.NOT_FOUND,
        ]
    assert len(node.fetches) == 1


async def test_without_an_active_grant_for_the_mode_nothing_stays(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    await client.grants()
    assert cache.files
    world.standing("G-1").provider_state = GRANT_STATE_SUSPENDED
    await client.grants()
    assert cache.files == {}


async def test_a_comparison_removes_what_its_own_grants_do_not_cover_any_more(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    world.access.grants.clear()
    world.grant("G-2", modes=[MODE_KEYED], granularities=[GRANULARITY_RECORD])
    client._agreements.forget()
    with pytest.raises(StayputError, match="GRANT_UNKNOWN"):
        await compare(client)
    assert cache.files == {}


async def test_only_the_node_s_own_are_judged_by_grants_verified_with_its_key(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    home = Home(world.home)
    forget_fingerprints(home, [], "deaths-1")
    assert cache.files
    forget_fingerprints(home, [], NODE.id)
    assert cache.files == {}
    forget_fingerprints(home, [])


async def test_a_grant_for_another_resource_keeps_nothing(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    (held,) = await client.grants()
    assert held.signed.modes == [MODE_KEYED, MODE_OBLIVIOUS]
    forget_fingerprints(Home(world.home), [replace(held, resource="deaths")])
    assert cache.files == {}


async def test_what_is_being_fetched_is_left_alone(
    world: World, client: Client, node: ObliviousPeer, cache: Cache
) -> None:
    await compare(client)
    with Generation(cache.root, await client.describe(RESOURCE)).locked():
        forget_fingerprints(Home(world.home), [])
        assert cache.files
    forget_fingerprints(Home(world.home), [])
    assert cache.files == {}
