"""Searching the catalogue, by ListResources over mutual TLS and by the store's verb."""

import random

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from comparator.domain.catalogue import searched
from comparator.store.catalogue import folded
from stayput.v1.catalogue_pb2 import Category, ListResourcesRequest, Resource, Sharing
from stayput.v1.contract_pb2 import Check, Field, Key, Mode
from tests.comparator import documents
from tests.comparator.platform import Member, Platform, refused

_KEYED, _OBLIVIOUS = Mode.MODE_KEYED, Mode.MODE_OBLIVIOUS


def _entry(code: str, changes: Resource) -> Resource:
    """The usual entry but for what is set in `changes`, without texts that only the usual one needs."""
    entry = documents.resource(code)
    names = {"title_en", "conditions", *(field.name for field, _ in changes.ListFields())}
    FieldMask(paths=names).MergeMessage(changes, entry, replace_repeated_field=True)
    return entry


@pytest.fixture
async def reader(platform: Platform, node: Member) -> Member:
    """Somebody who reads a catalogue of four resources by two providers."""
    civil = await platform.node("deaths-1", "civil-affairs-bureau")
    await documents.publish(node)
    await documents.publish(
        node,
        _entry(
            "driving-licences",
            Resource(
                title="驾驶证",
                title_en="Driving licences, 100%_valid",
                category=Category.CATEGORY_BASE,
                modes=[_KEYED, _OBLIVIOUS],
                fields=[Field(name="licence_no", type="text", title="证号", title_en="LICENCE number")],
                keys=[Key(name="by_licence", fields=["licence_no"])],
                checks=[Check(name="class_held", fields=["licence_no"])],
            ),
        ),
    )
    await documents.publish(
        civil,
        _entry(
            "deaths",
            Resource(
                title="死亡人口登记ＡＢＣ",
                title_en="Register of deaths (Straße)",
                legal_basis="殡葬管理条例",
                category=Category.CATEGORY_THEME,
                sharing=Sharing.SHARING_UNCONDITIONAL,
                modes=[_OBLIVIOUS],
            ),
        ),
    )
    await documents.publish(
        civil, _entry("adoptions", Resource(title="收养", sharing=Sharing.SHARING_NOT_SHARED))
    )
    return await platform.department("tax-office")


async def _found(by: Member, wanted: ListResourcesRequest) -> list[str]:
    answer = await by.catalogue.ListResources(wanted)
    assert not answer.next_page_token
    return [resource.code for resource in answer.resources]


_EVERYTHING = ["adoptions", "deaths", "driving-licences", "vehicle-owners"]


_BY_WORDS: dict[str, list[str]] = {
    "": _EVERYTHING,
    " \t　\n": _EVERYTHING,
    "driving-lic": ["driving-licences"],
    "机动车": ["vehicle-owners"],
    "VEHICLE owners": ["vehicle-owners"],
    "owners　vehicle": ["vehicle-owners"],
    "ＶＥＨＩＣＬＥ": ["vehicle-owners"],
    "人口登记abc": ["deaths"],
    "STRASSE": ["deaths"],
    "殡葬": ["deaths"],
    "社会救助核对": ["vehicle-owners"],
    "社会救助": ["adoptions", "driving-licences", "vehicle-owners"],
    "licence_no": ["driving-licences"],
    "证号": ["driving-licences"],
    "licence NUMBER": ["driving-licences"],
    "by_licence": ["driving-licences"],
    "class_held": ["driving-licences"],
    "traffic-police": ["driving-licences", "vehicle-owners"],
    "civil-aff": ["adoptions", "deaths"],
    "bureau 收养": ["adoptions"],
    "收养 死亡": [],
    "urn": [],
    "stayput": [],
    "100%_valid": ["driving-licences"],
    "100%%": [],
    "d%s": [],
    "_eaths": [],
    "/": [],
    "\\": [],
    "'; DROP TABLE resources; --": [],
}


async def test_all_words_must_occur(reader: Member) -> None:
    found = {query: await _found(reader, ListResourcesRequest(query=query)) for query in _BY_WORDS}
    assert found == _BY_WORDS


_BY_FILTERS: list[tuple[ListResourcesRequest, list[str]]] = [
    (ListResourcesRequest(categories=[Category.CATEGORY_BASE]), ["driving-licences"]),
    (
        ListResourcesRequest(categories=[Category.CATEGORY_BASE, Category.CATEGORY_THEME]),
        ["deaths", "driving-licences"],
    ),
    (ListResourcesRequest(sharings=[Sharing.SHARING_NOT_SHARED, Sharing.SHARING_NOT_SHARED]), ["adoptions"]),
    (ListResourcesRequest(provider="traffic-police"), ["driving-licences", "vehicle-owners"]),
    (ListResourcesRequest(provider="nobody"), []),
    (ListResourcesRequest(modes=[_OBLIVIOUS]), ["deaths", "driving-licences"]),
    (ListResourcesRequest(modes=[_OBLIVIOUS, _KEYED]), ["driving-licences"]),
    (ListResourcesRequest(modes=[_OBLIVIOUS], provider="civil-affairs-bureau", query="register"), ["deaths"]),
    (ListResourcesRequest(modes=[_OBLIVIOUS], categories=[Category.CATEGORY_DEPARTMENT]), []),
]


async def test_filters(reader: Member) -> None:
    assert [(wanted, await _found(reader, wanted)) for wanted, _ in _BY_FILTERS] == _BY_FILTERS


async def test_pages_of_what_is_found(reader: Member) -> None:
    sharings = [Sharing.SHARING_CONDITIONAL, Sharing.SHARING_UNCONDITIONAL]
    wanted = ListResourcesRequest(page_size=1, sharings=sharings)
    seen: list[str] = []
    while not seen or wanted.page_token:
        page = await reader.catalogue.ListResources(wanted)
        seen += [resource.code for resource in page.resources]
        wanted.page_token = page.next_page_token
    assert seen == ["deaths", "driving-licences", "vehicle-owners"]


@pytest.mark.parametrize(
    ("field", "wanted"),
    [
        ("query", ListResourcesRequest(query="车" * 201)),
        ("query", ListResourcesRequest(query="a\x00b")),
        ("categories", ListResourcesRequest(categories=[Category.CATEGORY_UNSPECIFIED])),
        ("categories", ListResourcesRequest(categories=[Category.CATEGORY_BASE, Category.ValueType(77)])),
        ("sharings", ListResourcesRequest(sharings=[Sharing.SHARING_UNSPECIFIED])),
        ("modes", ListResourcesRequest(modes=[Mode.ValueType(9)])),
        ("provider", ListResourcesRequest(provider="Traffic Police")),
    ],
)
async def test_a_wrong_field_is_named(node: Member, field: str, wanted: ListResourcesRequest) -> None:
    with refused("FIELD_INVALID", field):
        await node.catalogue.ListResources(wanted)


async def test_an_entry_is_found_by_what_it_says_now(node: Member) -> None:
    await documents.publish(node)
    changed = _entry(documents.VEHICLES, Resource(title="船舶", modes=[_OBLIVIOUS]))
    await documents.publish(node, changed)
    assert await _found(node, ListResourcesRequest(query="机动车所有人")) == []
    assert await _found(node, ListResourcesRequest(query="船舶", modes=[_OBLIVIOUS])) == [documents.VEHICLES]


async def test_any_text_is_found_as_it_stands(platform: Platform, node: Member) -> None:
    """Against a search in Python: for each store, no character of a title means anything else than itself."""
    drawn = random.Random(3)
    letters = "aA1%_/\\'\"*?[]-. 车ß"
    titles = {f"r-{n:03}": "t" + "".join(drawn.choices(letters, k=12)) for n in range(40)}
    for code, title in titles.items():
        await documents.publish(node, _entry(code, Resource(title=title, legal_basis="x")))
    with platform.database.reading() as store:
        for _ in range(300):
            query = "".join(drawn.choices(letters, k=drawn.randint(1, 4)))
            search = searched(ListResourcesRequest(query=query))
            found = [resource.code for resource in store.catalogue.page(search, "", None)]
            about = f"x\n公民身份号码\n姓名\n号牌\nresident_id\nname\nplate\n{node.department}"
            assert found == [
                code
                for code, title in titles.items()
                if all(word in f"{code}\n{folded(title)}\n{about}" for word in folded(query).split())
            ], query
