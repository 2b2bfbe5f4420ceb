"""Long lists of nobody, and how much of an output was answered."""

import csv
from pathlib import Path

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


def resident_id(number: int) -> str:
    """A well-formed resident ID of nobody."""
    body = (
        f"110105{1950 + number % 50:04d}{1 + number % 12:02d}{1 + number % 28:02d}{number // 600 % 1000:03d}"
    )
    return (
        body
        + "10X98765432"[sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11]
    )


def write_list(path: Path, lines: int) -> None:
    """A list of so many people who are in no register."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["身份证号", "姓名"])
        writer.writerows([resident_id(number), "张三"] for number in range(lines))


def answered(path: Path) -> int:
    """Lines of an output that have an outcome."""
    with path.open(encoding="utf-8", newline="") as file:
        return sum(row["outcome"] != "" for row in csv.DictReader(file))
