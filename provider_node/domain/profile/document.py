"""The JSON form of a profile. docs/profile.md describes it; whatever changes in it is a new version."""

from dataclasses import asdict

from provider_node.domain.profile.model import VERSION, Profile


def document(profile: Profile) -> dict[str, object]:
    """The profile as an object of JSON, with every field."""
    found = {"version": VERSION, **asdict(profile)}
    found["profiled_at"] = profile.profiled_at.isoformat()
    modified_at = profile.freshness.modified_at
    found["freshness"]["modified_at"] = None if modified_at is None else modified_at.isoformat()
    return found
