"""A clerk's directory, and the command run in it."""

import asyncio
import csv
from collections.abc import Mapping
from pathlib import Path

from tests.client.world import RESOURCE, Command, Finished, resident_id

KEY = "resident_id"
NAME, PLATE = "张三", "京A12345"
WRONG = resident_id(3)[:-1] + "0123456789X"["X0123456789".index(resident_id(3)[-1])]
LIST = f"""身份证号,姓名,车牌号
{resident_id(0)},{NAME},{PLATE}
{resident_id(0)},王小明,
{resident_id(7)},{NAME},{PLATE}
{WRONG},{NAME},{PLATE}
broken
"""
ENGLISH, CHINESE = {"LC_ALL": "C.UTF-8"}, {"LC_ALL": "zh_CN.UTF-8"}


class Desk:
    """A clerk's directory and the comparison that is run in it."""

    def __init__(self, directory: Path, stayput: Command) -> None:
        self.list, self.out = directory / "list.csv", directory / "out.csv"
        self._stayput = stayput
        self.put(LIST)

    def put(self, text: str) -> None:
        self.list.write_text(text, "utf-8")

    def rows(self, name: str = "out.csv") -> list[list[str]]:
        with self.out.with_name(name).open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def names(self) -> set[str]:
        return {path.name for path in self.out.parent.iterdir()} - {"home", "list.csv"}

    async def compare(
        self, *options: str, interrupt: asyncio.Event | None = None, environment: Mapping[str, str] = ENGLISH
    ) -> Finished:
        checks = ("--check", "name", "--check", "plate")
        arguments = ("--resource", RESOURCE, "--key", KEY, *checks, "-o", str(self.out), *options)
        return await self._stayput("compare", self.list, *arguments, interrupt=interrupt, **environment)
