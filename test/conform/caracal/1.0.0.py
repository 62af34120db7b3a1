"""What an application does with caracalai-sdk 1.0.0: sessions, services with a lease, and delegations between them."""

import asyncio
import json
import os

import httpx
from caracalai import Authority, Caracal, CoordinatorError, DelegationConstraints
from caracalai.client import CaracalConfig
from caracalai.coordinator import CoordinatorClient
from caracalai_oauth import ClientCredentials, ClientSecretExchanger

E = os.environ
URL, ZONE, APPLICATION, SECRET = (E[n] for n in ("URL", "ZONE", "APPLICATION", "CLIENT_SECRET"))
RESOURCE = E["RESOURCE"]
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def as_agent(ctx):
    edge = {"delegation_edge_id": ctx.delegation_id} if ctx.delegation_id else {}
    answer = httpx.post(
        f"{URL}/oauth/2/token",
        data={
            "grant_type": EXCHANGE,
            "zone_id": ZONE,
            "application_id": APPLICATION,
            "client_secret": SECRET,
            "subject_token": ctx.subject_token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": RESOURCE,
            "agent_session_id": ctx.session_id,
            **edge,
        },
    ).json()
    return answer.get("scope") or answer["error"]


async def lifecycle():
    """With the secret alone, the SDK asks for the scope of its sessions' lifecycle, and for no other."""
    caracal = Caracal.from_client_secret(
        coordinator_url=URL,
        sts_url=URL,
        zone_id=ZONE,
        application_id=APPLICATION,
        client_secret=SECRET,
        resources=[RESOURCE],
    )
    said = {}
    async with caracal.session(task="nightly", ttl_seconds=600, labels=["l"], idempotency_key="job 1") as ctx:
        said["session"] = ctx.session_id
        try:
            async with caracal.session(idempotency_key="job 1"):
                said["conflict"] = "opened"
        except CoordinatorError as error:
            said["conflict"] = [error.status, error.code]
    try:
        async with caracal.session(task="nightly", ttl_seconds=600, labels=["l"], idempotency_key="job 1"):
            said["again"] = "opened"
    except CoordinatorError as error:
        said["again"] = [error.status, error.code]
    twins = [
        await caracal.start_session(heartbeat_interval=0, idempotency_key="job 2") for _ in range(2)
    ]
    said["twins"] = len({twin.session_id for twin in twins})
    for twin in twins:
        await twin.aclose()
    handle = await caracal.start_session(heartbeat_interval=0)
    await handle.heartbeat()
    said["generations"] = [handle.lease_generation]
    taken = await caracal.attach_session(handle.session_id, heartbeat_interval=0)
    said["generations"].append(taken.lease_generation)
    try:
        await handle.heartbeat()
    except CoordinatorError as error:
        said["fenced"] = [error.status, error.code]
    await taken.heartbeat()
    await taken.aclose()
    await handle.aclose()
    try:
        await taken.heartbeat()
    except CoordinatorError as error:
        said["gone"] = [error.status, error.code]
    await caracal.aclose()
    return said


async def delegations():
    exchanger = ClientSecretExchanger(
        sts_url=URL,
        credentials=lambda: ClientCredentials(ZONE, APPLICATION, SECRET),
        resources=[RESOURCE],
        scope="agent:lifecycle orders:read orders:write",
    )
    caracal = Caracal(
        CaracalConfig(
            coordinator=CoordinatorClient(base_url=URL),
            zone_id=ZONE,
            application_id=APPLICATION,
            token_source=exchanger.get_token,
            exchanger=exchanger,
        )
    )
    said = {}
    narrow = Authority.narrow(
        ["orders:read"],
        ttl_seconds=300,
        resource_id=RESOURCE,
        constraints=DelegationConstraints(max_hops=4),
    )
    async with caracal.session() as root:
        async with caracal.session(authority=narrow) as child:
            said["narrowed"] = as_agent(child)
            async with caracal.session() as inheriting:
                said["inherited"] = [inheriting.delegation_id != child.delegation_id, as_agent(inheriting)]
            async with caracal.session(authority=Authority.none()) as bare:
                said["none"] = [bare.delegation_id, as_agent(bare)]
            peer = await caracal.start_session(heartbeat_interval=0, authority=Authority.none())
            delegation = await caracal.delegate(
                to_session_id=peer.session_id, scopes=["orders:read"], ttl_seconds=60
            )
            async with caracal.bind(peer.context):
                async with caracal.accept_delegation(delegation.delegation_id, validate=True) as accepted:
                    said["accepted"] = as_agent(accepted)
            await caracal.revoke_delegation(delegation.delegation_id)
            async with caracal.bind(peer.context):
                try:
                    async with caracal.accept_delegation(delegation.delegation_id, validate=True):
                        said["revoked"] = "accepted"
                except RuntimeError as error:
                    said["revoked"] = "not live" if "not live" in str(error) else str(error)
            await peer.aclose()
        said["root"] = as_agent(root)
    await caracal.aclose()
    return said


async def main():
    print(json.dumps({"lifecycle": await lifecycle(), "delegations": await delegations()}))


asyncio.run(main())
