"""`publish`: a resource into the platform's catalogue."""

import typer

from provider_node.cli.options import CONFIG, Config, Resource
from provider_node.cli.output import say


def register(app: typer.Typer) -> None:
    """Adds the command."""
    app.command()(publish)


def publish(resource: Resource, config: Config = CONFIG) -> None:
    """Put a resource in the platform's catalogue (将资源发布到目录)."""
    from provider_node.cli.link import ask
    from stayput.v1.admin_pb2 import PublishRequest

    ask(config, lambda node: node.Publish(PublishRequest(resource=resource)))
    say("published", resource=resource)
