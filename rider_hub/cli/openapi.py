"""openapi: print the OpenAPI document of the routes as they are served."""

import click

from rider_hub.access.inputs import takes
from rider_hub.app import api_document
from rider_hub.cli.running import echo_json

__all__ = ["openapi"]


@click.command()
@takes()
def openapi() -> None:
    """Print the OpenAPI 3.1 document of the interface; it needs no database."""
    echo_json(api_document())
