"""openapi: print the document of the interface: OpenAPI of the routes, or AsyncAPI of the streams."""

import click

from rider_hub.access.inputs import takes
from rider_hub.app import api_document
from rider_hub.cli.running import echo_json
from rider_hub.views import asyncapi

__all__ = ["openapi"]


@click.command()
@click.option("--asyncapi", "of_streams", is_flag=True, help="The AsyncAPI 3 document of streams instead.")
@takes()
def openapi(*, of_streams: bool) -> None:
    """Print the OpenAPI 3.1 document of the interface; it needs no database."""
    echo_json(asyncapi.document() if of_streams else api_document())
