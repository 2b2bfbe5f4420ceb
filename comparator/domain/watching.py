"""What a node has to know of its grants and applications, and what of it is new since it was told last."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from comparator.domain.policy import Call
from comparator.store.applications import number_of
from stayput.v1.access_pb2 import Application, GrantStanding, WatchAccessResponse


@dataclass(frozen=True, slots=True)
class Told:
    """What a node was told: the platform's word on its grants, and which applications await it, by their ids.

    A grant of which it was told nothing is active by the platform's word.
    """

    standings: Mapping[str, GrantStanding]
    applications: Mapping[str, Application]


NOTHING = Told({}, {})


def news(call: Call, told: Told) -> tuple[Told, list[WatchAccessResponse]]:
    """What the calling node knows once it is told what is new to it, and that."""
    store, node = call.store, call.party
    now = Told(
        {standing.grant_id: standing for standing in store.grants.platform_standings(node)},
        {application.id: application for application in store.applications.open_for(node)},
    )
    return now, [*_standings(call, told, now), *_applications(call, told, now)]


def _standings(call: Call, told: Told, now: Told) -> Iterator[WatchAccessResponse]:
    for grant_id, standing in now.standings.items():
        known = told.standings.get(grant_id)
        if known is None or _word(known) != _word(standing):
            yield WatchAccessResponse(standing=standing)
    for grant_id in sorted(told.standings.keys() - now.standings.keys()):
        resumed = call.store.grants.get(grant_id, call.party)
        if resumed is not None:
            yield WatchAccessResponse(standing=resumed.standing)


def _word(standing: GrantStanding) -> tuple[object, ...]:
    """The platform's part of it: what the provider says, its node says itself."""
    return standing.platform_state, standing.platform_reason, standing.platform_changed_at.ToNanoseconds()


def _applications(call: Call, told: Told, now: Told) -> Iterator[WatchAccessResponse]:
    for application_id, application in now.applications.items():
        if told.applications.get(application_id) != application:
            yield WatchAccessResponse(application=application)
    for application_id in sorted(told.applications.keys() - now.applications.keys()):
        # None if another node offers the resource now: then the application is none of this node's.
        closed = call.store.applications.get(number_of(told.applications[application_id]), call.party)
        if closed is not None:
            yield WatchAccessResponse(application=closed)
