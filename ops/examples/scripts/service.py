#!/usr/bin/env python3
"""Creates a service in a lab, scales it and removes it, over NATS with MessagePack.

Every step is one request, and is done when the lab's stream of events says so:

    request  tercio.v1.req.<user>.<project>.service.create|scale|remove
    events   tercio.v1.ev.<writer kind>.<writer>.<noun>.<id>.<what>

Which lab: TERCIO_NATS_URL, TERCIO_CREDS and TERCIO_USER, or else what `tercio lab status --format json`
prints. Needs nats-py and msgpack (requirements.txt beside this file).
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
import uuid

import msgpack
import nats
from nats.errors import NoRespondersError, TimeoutError as NatsTimeout

# A task starts within a second or two; pulling its image can take minutes.
EVENT_WAIT_SECONDS = 300
# A new leader takes up to five seconds; one that leads answers within one.
REQUEST_WAIT_SECONDS = 5
REQUEST_TRIES = 6


class Refused(Exception):
    """The lab said no, with a stable code, a sentence and what to do next."""


def lab():
    """Where the lab is and who we are there."""
    names = ("TERCIO_NATS_URL", "TERCIO_CREDS", "TERCIO_USER")
    if all(os.environ.get(name) for name in names):
        return tuple(os.environ[name] for name in names)
    tercio = os.environ.get("TERCIO", "tercio")
    status = subprocess.run(
        [tercio, "lab", "status", "--format", "json"], check=True, stdout=subprocess.PIPE
    )
    fields = json.loads(status.stdout)
    return fields["nats_url"], fields["creds"], fields["user"]


class Client:
    """Sends requests about one project and follows the lab's events."""

    def __init__(self, connection, user, project):
        self.connection = connection
        self.subject = "tercio.v1.req.{}.{}".format(user, project)
        self.project = project

    async def follow(self):
        """Starts to listen; what happens from now on is not missed."""
        self.events = await self.connection.subscribe("tercio.v1.ev.>")
        # The server has taken the subscription when it has answered this.
        await self.connection.flush()

    async def change(self, verb, **body):
        """One request that changes a service; returns its id, which its events name as their cause."""
        request_id = uuid.uuid4().hex
        packed = msgpack.packb({"request_id": request_id, **body})
        # The same id again is no second change, so an answer that was lost may be asked for again.
        for tries_left in reversed(range(REQUEST_TRIES)):
            try:
                answer = await self.connection.request(
                    "{}.service.{}".format(self.subject, verb), packed, REQUEST_WAIT_SECONDS
                )
                break
            except NatsTimeout:
                if not tries_left:
                    raise
            except NoRespondersError:
                if not tries_left:
                    raise
                # Nobody leads just now; the next leader is a second or two away.
                await asyncio.sleep(1)
        headers = answer.headers or {}
        if "Nats-Service-Error-Code" in headers:
            raise Refused(
                "{}: {}".format(
                    headers["Nats-Service-Error-Code"], headers.get("Nats-Service-Error", "")
                ),
                headers.get("Tercio-Error-Help", ""),
            )
        reply = msgpack.unpackb(answer.data)
        print("  answered: revision {revision}, changed {changed}".format(**reply))
        return request_id

    async def wait_for(self, service, request_id, **wanted):
        """Reads events until these about the service and its tasks have come, in any order."""
        deadline = asyncio.get_running_loop().time() + EVENT_WAIT_SECONDS
        while any(wanted.values()):
            left = deadline - asyncio.get_running_loop().time()
            message = await self.events.next_msg(timeout=max(left, 0.001))
            event = msgpack.unpackb(message.data)
            scope = event.get("scope", {})
            if scope.get("project") != self.project or scope.get("service") != service:
                continue
            # What another request brought about is not what we wait for.
            if event.get("cause", {}).get("request") not in (None, request_id):
                continue
            print("  event: {}".format(event["message"]))
            if wanted.get(event["what"]):
                wanted[event["what"]] -= 1


async def run(options):
    url, credentials, user = lab()
    connection = await nats.connect(
        url,
        user_credentials=credentials,
        # A user may hear only its own inbox.
        inbox_prefix="_INBOX.user.{}".format(user).encode(),
        max_reconnect_attempts=5,
    )
    client = Client(connection, user, options.project)
    service = options.service
    # Any image with a shell's commands can sleep; it ignores a polite stop, so it is given a second.
    task = {
        "image": options.image,
        "command": ["sleep", "3600"],
        "restart": {"kind": "always"},
        "stop_grace": 1000,
    }
    try:
        await client.follow()
        print("creating {}/{} from {}".format(options.project, service, options.image))
        request = await client.change("create", service=service, task=task, replicas=1)
        try:
            await client.wait_for(service, request, service_created=1, service_converged=1)
            print("scaling it to {}".format(options.replicas))
            request = await client.change("scale", service=service, replicas=options.replicas)
            await client.wait_for(service, request, service_scaled=1, service_converged=1)
        except BaseException:
            # What was begun is not left behind; main tells why it failed.
            await client.change("remove", service=service)
            raise
        print("removing it")
        request = await client.change("remove", service=service)
        await client.wait_for(service, request, service_removed=1, task_stopped=options.replicas)
        print("removed")
    finally:
        await connection.close()


def main():
    parser = argparse.ArgumentParser(description="Creates, scales and removes a service over NATS.")
    parser.add_argument("project", nargs="?", default="scripts")
    parser.add_argument("image", nargs="?", default="redis:alpine")
    parser.add_argument("--service", default="sleeper")
    parser.add_argument("--replicas", type=int, default=3)
    try:
        asyncio.run(run(parser.parse_args()))
    except Refused as refused:
        print("refused: {}".format(refused.args[0]), file=sys.stderr)
        if refused.args[1]:
            print("help: {}".format(refused.args[1]), file=sys.stderr)
        return 1
    except NatsTimeout:
        print("the lab did not answer, or the event did not come, in time", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
