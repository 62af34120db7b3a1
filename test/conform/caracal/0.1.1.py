"""What an application does with caracalai-sdk 0.1.1: agents, agents below them, and delegations between them."""

import asyncio
import json
import os

import httpx
from caracalai_sdk import AgentKind, Caracal, DelegationConstraints

E = os.environ
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def exchange(ctx, **names):
    answer = httpx.post(
        f"{E['CARACAL_STS_URL']}/oauth/2/token",
        data={
            "grant_type": EXCHANGE,
            "zone_id": E["CARACAL_ZONE_ID"],
            "application_id": E["CARACAL_APPLICATION_ID"],
            "client_secret": E["CLIENT_SECRET"],
            "subject_token": ctx.subject_token,
            "subject_token_type": ACCESS_TOKEN,
            "resource": E["RESOURCE"],
            **names,
        },
    ).json()
    return answer.get("scope") or answer["error"]


def as_agent(ctx):
    edge = {"delegation_edge_id": ctx.delegation_edge_id} if ctx.delegation_edge_id else {}
    return exchange(ctx, agent_session_id=ctx.agent_session_id, **edge)


async def main():
    caracal = Caracal.from_env()
    said = {"children": []}
    async with caracal.spawn(ttl_seconds=600, metadata={"task": "nightly"}) as parent:
        said["parent"] = parent.agent_session_id
        said["own"] = as_agent(parent)
        constraints = DelegationConstraints(resources=[E["RESOURCE"]], actions=["orders:read"], max_depth=2)
        async with caracal.delegate_to_spawn(
            scopes=["orders:read"], constraints=constraints, delegation_ttl_seconds=300
        ) as child:
            said["delegated"] = as_agent(child)
            async with caracal.spawn() as below:
                said["below"] = exchange(below, agent_session_id=below.agent_session_id)
        said["ended"] = as_agent(child)
        for _ in range(3):
            async with caracal.spawn() as one:
                said["children"].append(one.agent_session_id)
        async with caracal.spawn(kind=AgentKind.SERVICE) as service:
            said["service"] = service.agent_session_id
        async with caracal.delegate(
            to=service.agent_session_id,
            to_application_id=E["CARACAL_APPLICATION_ID"],
            scopes=["orders:read"],
            ttl_seconds=60,
        ) as handed:
            said["edge"] = handed.delegation_edge_id
            said["handed"] = exchange(
                handed,
                agent_session_id=service.agent_session_id,
                delegation_edge_id=handed.delegation_edge_id,
            )
        try:
            async with caracal.delegate(
                to=service.agent_session_id,
                to_application_id=E["CARACAL_APPLICATION_ID"],
                scopes=["orders:admin"],
            ):
                said["too much"] = "delegated"
        except httpx.HTTPStatusError as error:
            said["too much"] = error.response.json()["error"]
    await caracal.close()
    print(json.dumps(said))


asyncio.run(main())
