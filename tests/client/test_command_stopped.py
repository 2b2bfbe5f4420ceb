"""What `stayput compare` tells of being stopped, of attempts used up, and of what is left."""

import json
import re
from pathlib import Path

import pytest

from stayput.errors import StayputError
from stayput.limits import complete
from stayput.v1.access_pb2 import Limits
from stayput.v1.errors_pb2 import ErrorReason
from tests.client.desk import CHINESE, ENGLISH, NAME, Desk
from tests.client.servicers.faults import Faults
from tests.client.world import LIMITS, Command, World, resident_id


@pytest.fixture
def desk(tmp_path: Path, stayput: Command) -> Desk:
    return Desk(tmp_path, stayput)


def stopped(**details: str) -> StayputError:
    reason = ErrorReason.ERROR_REASON_GRANT_NOT_ACTIVE
    return StayputError(reason, "the grant was suspended", field="grant", details=details)


@pytest.mark.parametrize(
    ("refusal", "english", "chinese"),
    [
        (
            stopped(state="SUSPENDED", by="PROVIDER", cause="MISS_RATIO"),
            (
                "error: the provider's node has suspended the grant: too many of the records were not in the",
                "hint: check that the list is the right one",
            ),
            (
                "错误：提供部门的节点已暂停该授权：查询的记录有过多",
                "提示：请检查名单和列的对应是否正确",
            ),
        ),
        (
            stopped(state="REVOKED", by="PLATFORM"),
            (
                "error: the platform has revoked the grant (GRANT_NOT_ACTIVE: ",
                "hint: it cannot be used",
            ),
            ("错误：平台已撤销该授权（GRANT_NOT_ACTIVE：", "提示：该授权不能恢复"),
        ),
    ],
)
async def test_being_stopped_under_way_is_told_with_what_happened_and_what_to_do(
    world: World,
    desk: Desk,
    refusal: StayputError,
    english: tuple[str, str],
    chinese: tuple[str, str],
) -> None:
    world.node.chunk_records = 2
    for language, told in ((ENGLISH, english), (CHINESE, chinese)):
        world.node.faults = Faults(refuse_after_chunks=1, refusal=refusal)
        done = await desk.compare(environment=language)
        assert (done.code, desk.names()) == (3, {"out.partial.csv"})
        error, hint, cut, _ = done.err.splitlines()
        assert error.startswith(told[0])
        assert hint.startswith(told[1])
        assert "out.partial.csv" in cut
        assert "Left today" not in done.out


async def test_a_node_that_is_catching_up_says_to_try_again(world: World, desk: Desk) -> None:
    world.node.caught_up = False
    english, chinese = await desk.compare(), await desk.compare(environment=CHINESE)
    assert (english.code, english.err.splitlines()[1]) == (
        1,
        "hint: try again in a moment; if it lasts longer than some minutes tell the provider",
    )
    assert chinese.err.splitlines()[0].startswith("错误：节点尚未获知哪些授权已被暂停或撤销（CATCHING_UP：")
    assert chinese.err.splitlines()[1].startswith("提示：请稍候片刻再试")


async def test_attempts_used_up_are_told_with_what_to_do(world: World, desk: Desk) -> None:
    world.access.grants.clear()
    world.grant("G-1", limits=complete(Limits(attempts_per_subject=1), LIMITS))
    lines = [f"{resident_id(0)},{name}," for name in (NAME, "王小明")]
    desk.put("\n".join(["身份证号,姓名,车牌号", *lines]))
    done = await desk.compare()
    assert (done.code, desk.rows()[2][3:]) == (
        0,
        ["MATCH", "UNVERIFIABLE", "UNVERIFIABLE", "name: ATTEMPTS; plate: NOT_ASKED"],
    )
    assert (
        "  1 × name: ATTEMPTS (the attempts at this subject that the grant allows are used up for today: "
        "wait for tomorrow, or ask the provider for a higher limit)"
    ) in done.out.splitlines()
    chinese = await desk.compare("--force", environment=CHINESE)
    assert (
        "  1 条 name: ATTEMPTS（该主体当日的核验次数已用完：请次日再核验，或请提供部门提高限额）"
    ) in chinese.out.splitlines()


async def test_what_is_left_today_is_told_if_the_node_says_so(world: World, desk: Desk) -> None:
    told = r"^Left today: 999,997 records; renewed at 20\d\d-\d\d-\d\d \d\d:\d\d [+-]\d{4}$"
    assert re.search(told, (await desk.compare()).out, re.MULTILINE)
    chinese = await desk.compare("--force", environment=CHINESE)
    assert re.search("^今日还可比对 999,994 条；恢复时间 20", chinese.out, re.MULTILINE)
    world.node.faults = Faults(allowance=lambda _: None)
    assert "Left today" not in (await desk.compare("--force")).out
    silent = json.loads((await desk.compare("--force", "--json")).out)
    assert (silent["records_left_today"], silent["quota_renewed_at"]) == (None, None)
