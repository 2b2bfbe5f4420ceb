"""The service as a whole: health, reflection, start and stop, its own certificate."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta

import grpc.aio
import pytest
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_reflection.v1alpha.reflection_pb2 import ServerReflectionRequest, ServerReflectionResponse
from sqlalchemy import URL, inspect
from structlog.testing import capture_logs

from comparator import texts
from comparator.config import Config
from comparator.data import DataDirectory, read_certificate
from comparator.domain.calendar import Calendar
from comparator.server import MAIN_SERVICES, Pace, _in_background, _sweep_for_ever, serving
from comparator.servicers.desk import Desk
from comparator.servicers.watch import Watch
from comparator.store.database import Database
from comparator.texts import unusable
from stayput.errors import StayputError
from stayput.v1.access_pb2 import (
    ApplicationState,
    GetApplicationRequest,
    IssueTicketRequest,
    WatchAccessRequest,
)
from stayput.v1.catalogue_pb2 import ListResourcesRequest
from tests.comparator import documents
from tests.comparator.platform import Clock, Member, Platform, running_platform


async def test_health(platform: Platform) -> None:
    member = await platform.department("civil-affairs")
    check: grpc.aio.UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse] = (
        member.channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
    )
    for service in ("", *MAIN_SERVICES):
        assert (await check(HealthCheckRequest(service=service))).status == HealthCheckResponse.SERVING


async def test_reflection(platform: Platform) -> None:
    member = await platform.department("civil-affairs")
    ask: grpc.aio.StreamStreamMultiCallable[ServerReflectionRequest, ServerReflectionResponse] = (
        member.channel.stream_stream(
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
            request_serializer=ServerReflectionRequest.SerializeToString,
            response_deserializer=ServerReflectionResponse.FromString,
        )
    )
    (answer,) = [answer async for answer in ask(iter([ServerReflectionRequest(list_services="")]))]
    assert {service.name for service in answer.list_services_response.service} >= set(MAIN_SERVICES)


async def test_where_it_can_be_reached(config: Config, clock: Clock) -> None:
    data = DataDirectory(config.data)
    assert data.running() is None
    async with serving(config, clock) as running:
        assert data.running() == running
        assert running.main != running.enrolment
        assert not running.main.endswith(":0")


async def test_what_it_tells_callers_to_dial(config: Config, clock: Clock) -> None:
    config = config.model_copy(
        update={"advertise": "comparator.example:7440", "enrolment_advertise": "comparator.example:7441"}
    )
    async with serving(config, clock) as running:
        assert (running.main, running.enrolment) == ("comparator.example:7440", "comparator.example:7441")


async def test_what_is_stored_outlives_a_restart(config: Config, clock: Clock) -> None:
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        credentials = node.credentials
    async with running_platform(config, clock) as platform:
        node.credentials = credentials
        invitation = platform.invite_department("civil-affairs")
        member = await platform.member(invitation)
        listed = (await member.catalogue.ListResources(ListResourcesRequest())).resources
        assert [resource.code for resource in listed] == [documents.VEHICLES]


async def test_the_servers_certificate_is_renewed_before_it_runs_out(config: Config, clock: Clock) -> None:
    path = DataDirectory(config.data).server_certificate
    first = read_certificate(path)
    clock.advance(timedelta(days=360))
    async with serving(config, clock):
        assert read_certificate(path) == first
    clock.advance(timedelta(days=10))
    async with serving(config, clock):
        renewed = read_certificate(path)
    assert renewed.not_valid_after_utc > first.not_valid_after_utc + timedelta(days=360)
    assert renewed.public_key() == first.public_key()


async def test_a_port_in_use(platform: Platform, config: Config, clock: Clock) -> None:
    taken = config.model_copy(update={"enrolment_listen": platform.running.main})
    with pytest.raises(StayputError, match="enrolment_listen: cannot listen") as caught:
        async with serving(taken, clock):
            pass
    assert caught.value.reason_name == "CONFIGURATION_INVALID"


async def test_a_database_that_is_behind_is_not_served(
    config: Config, clock: Clock, new_store: Callable[[], URL]
) -> None:
    empty = new_store().render_as_string(hide_password=False)
    config = config.model_copy(update={"database": empty})
    with pytest.raises(StayputError) as caught:
        async with serving(config, clock):
            pass
    assert "comparator migrate" in caught.value.remedy
    with closing(Database(config.database_url)) as database:
        assert not inspect(database.engine).get_table_names()


async def test_a_lost_key_is_named(config: Config, clock: Clock) -> None:
    DataDirectory(config.data).ticket_key.unlink()
    with pytest.raises(StayputError, match=r"ticket\.key") as caught:
        async with serving(config, clock):
            pass
    assert caught.value.reason_name == "CONFIGURATION_INVALID"


async def test_the_process_log_holds_nothing_personal(platform: Platform) -> None:
    node = await platform.node("vehicles-1", "traffic-police")
    await documents.publish(node)
    consumer = await platform.department("civil-affairs")
    with capture_logs() as events:
        asked = await documents.apply(consumer)
        grant = documents.grant(asked, node, platform.clock())
        await documents.decide(node, grant)
        await consumer.access.IssueTicket(
            IssueTicketRequest(
                grant_id=grant.id, operator="operator-7", purpose="purpose-7", case_number="case-7"
            )
        )
    calls = [event for event in events if event["event"] == "call"]
    methods = [event["method"].rpartition("/")[2] for event in calls]
    assert methods == ["Apply", "RecordDecision", "IssueTicket"]
    assert {event["result"] for event in calls} == {"OK"}
    written = str(events)
    for kept_out in ("operator-7", "purpose-7", "case-7", asked.purpose, asked.legal_basis):
        assert kept_out not in written


def _applied_long_ago(platform: Platform, consumer: Member) -> str:
    """An application of a year whose calendar is packaged, whose time has run out."""
    with platform.database.writing() as store:
        received = datetime(2024, 3, 4, 4, tzinfo=UTC)
        return store.applications.submit(documents.application(), consumer.party, received).id


async def test_deadlines_are_looked_at_when_it_starts(config: Config, clock: Clock) -> None:
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        application_id = _applied_long_ago(platform, await platform.department("civil-affairs"))
    async with running_platform(config, clock) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await _state(node, application_id, ApplicationState.APPLICATION_STATE_EXPIRED)


async def test_deadlines_are_looked_at_again(config: Config, clock: Clock) -> None:
    async with running_platform(config, clock, Pace(sweep=0.02)) as platform:
        node = await platform.node("vehicles-1", "traffic-police")
        await documents.publish(node)
        application_id = _applied_long_ago(platform, await platform.department("civil-affairs"))
        await _state(node, application_id, ApplicationState.APPLICATION_STATE_EXPIRED)


async def _state(node: Member, application_id: str, wanted: "ApplicationState.ValueType") -> None:
    """Returns when the application is in that state."""
    stream = aiter(node.access.WatchAccess(WatchAccessRequest()))
    while True:
        told = await anext(stream)
        if told.application.state == wanted:
            assert told.application.id == application_id
            return
        if told.HasField("caught_up"):
            stored = await node.access.GetApplication(GetApplicationRequest(id=application_id))
            if stored.application.state == wanted:
                return


async def test_a_sweep_that_fails_is_tried_again(config: Config, clock: Clock) -> None:
    tries = iter((unusable(texts.CALENDAR_NAME, texts.CALENDAR_NAME_FIX, file="2026.toml"), None))

    def calendar() -> Calendar:
        error = next(tries)
        if error is not None:
            raise error
        return Calendar({})

    with (
        closing(Database(config.database_url)) as database,
        ThreadPoolExecutor(1) as threads,
        capture_logs() as logged,
    ):
        desk = Desk(database, clock, threads, calendar)
        sweeping = asyncio.create_task(_sweep_for_ever(desk, Watch(desk, 1, 1), 0.01))
        await desk.written.wait()
        sweeping.cancel()
        with suppress(asyncio.CancelledError):
            await sweeping
    failed, swept = logged
    assert (failed["log_level"], failed["reason"]) == ("error", "CONFIGURATION_INVALID")
    assert (swept["event"], swept["events"]) == ("deadlines swept", 0)


async def test_a_fault_in_the_background_is_not_lost(config: Config, clock: Clock) -> None:
    """A failure that is none of the expected ones ends the sweep, and is raised when the service ends."""

    async def fault() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        async with _in_background(fault(), asyncio.Event().wait()):
            await asyncio.sleep(0)
