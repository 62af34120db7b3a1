#!/usr/bin/env python3
"""Verifies receipts, as docs/evidence.md says: receipt.py RECEIPTS VKEY

It takes the files beside it and nothing else. It prints what each receipt says and ends with 0, or what is wrong and ends with 1."""
import base64, binascii, json, sys
from datetime import datetime
from ed25519 import signed
from tlog import checkpoint, included, opened, sha, unique


def cbor(data, at=0):  # RFC 8949 section 3: what receipts are made of
    kind, n, at = data[at] >> 5, data[at] & 31, at + 1
    if (kind, n) == (7, 22):
        return None, at
    if kind == 7 or n > 27:
        raise ValueError("it is no receipt")
    if n > 23:
        length = 1 << n - 24
        n, at = int.from_bytes(data[at : at + length], "big"), at + length
    if kind < 2:
        return (-1 - n if kind else n), at
    if kind < 4:
        if at + n > len(data):
            raise ValueError("it is cut off")
        part = data[at : at + n]
        return (part.decode() if kind == 3 else part), at + n
    items = []
    for _ in range(1 if kind == 6 else n * (kind - 3)):
        item, at = cbor(data, at)
        items.append(item)
    if kind == 6:
        return (n, items[0]), at
    return (unique(list(zip(items[::2], items[1::2]))) if kind == 5 else items), at


def whole(data):
    value, end = cbor(data)
    if end != len(data):
        raise ValueError("there is something behind it")
    return value


def need(right, what):
    if not right:
        raise ValueError(what)


def text_of(kind, data):  # the head of a text or of bytes, and these
    n = len(data)
    return (bytes([kind + n]) if n < 24 else bytes([kind + 24, n]) if n < 256 else bytes([kind + 25]) + n.to_bytes(2, "big") if n < 65536 else bytes([kind + 26]) + n.to_bytes(4, "big")) + data


def verify(item, zone, vkey):
    tag, (protected, beside, payload, signature) = whole(base64.b64decode(item["receipt"], validate=True))
    header = whole(protected)
    need(tag == 18 and payload is None and header[1] == -8 and header[395] == 1, "it is no receipt of inclusion")
    said, log = json.loads(header["mandate"], object_pairs_hook=unique), header[15][1]
    need(said["event"] == item["event"] == header[15][2] and said["type"] == item["type"], "it is of another event")
    need(said["zone_id"] == zone, "it is of another zone")
    name, key_id, material = vkey.split("+", 2)
    origin, size, root, _ = checkpoint(beside["checkpoint"])
    need(origin == f"{log}/zones/{zone}", "its checkpoint is of another zone")
    ((proof,),) = beside[396].values()
    leaves, index, path = whole(proof)
    need(list(beside[396]) == [-1] and leaves == size, "its proof is of another size")
    need(included(sha(b"\0", bytes.fromhex(said["hash"])), index, size, path, root), "the event is not in the checkpoint")
    message = b"\x84" + text_of(0x60, b"Signature1") + text_of(0x40, protected) + b"\x40" + text_of(0x40, root)
    need(log == name and header[4].hex() == key_id and len(signature) == 64, "it is signed by another key")
    need(signed(base64.b64decode(material)[1:], message, signature), "its signature is wrong")
    top, _, note = beside["tlog-proof"].partition("\n\n")
    kind, place, *hashes = top.split("\n")
    _, total, top_root, _ = opened(note, vkey)
    need(kind == "c2sp.org/tlog-proof@v1" and place.startswith("index "), "it has no proof of the checkpoint")
    leaf = sha(b"\0", beside["checkpoint"].encode())
    path = [base64.b64decode(h, validate=True) for h in hashes]
    need(included(leaf, int(place[6:]), total, path, top_root), "the checkpoint is not in the signed one")
    if "text" in beside:
        data = sha(bytes.fromhex(beside["previous_hash"]), beside["text"].encode())
        need(data.hex() == said["hash"], "the text is not what was hashed")
    return said


def targets(issued):  # what may have been taken back so that this mandate went with it
    mandate, subject = issued["mandate"], {"sub": issued["mandate"].get("sub"), "iss": issued["mandate"].get("sub_iss")}
    one = {"session_id": "sid", "root_session_id": "root_sid", "agent_session_id": "agent_session_id", "issuer": "sub_iss", "kid": "kid"}
    yield from ({name: mandate[member]} for name, member in one.items() if member in mandate)
    yield from ({"delegation_edge_id": edge} for edge in mandate.get("delegation_path", []))
    yield from ({"resource": resource} for resource in mandate["target"])
    yield from ({"client_id": issued["client_id"]}, {"policy_set_version_id": issued["policy"].get("policy_set_version_id")})
    yield from ({"subject": subject}, {"zone": True})


def took_back(order, issued):  # between when it was issued and when nobody honoured it any more
    end = datetime.fromisoformat(order["at"].replace("Z", "+00:00")).timestamp()
    return order["target"] in targets(issued) and issued["at"] <= order["at"] and end <= issued["mandate"]["exp"] + 60


if __name__ == "__main__":
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            read = json.loads(file.read(8 * 1024 * 1024), object_pairs_hook=unique)
        statements = [verify(item, read["zone_id"], sys.argv[2]) for item in read["receipts"]]
        issued = [one for one in statements if one["type"] == "issued"]
        need(len({one["event"] for one in statements}) == len(statements) > 0, "there is none, or one twice")
        for one in statements if issued else []:
            mine = one is issued[0] or one.get("jti") == issued[0]["mandate"]["jti"] or ("target" in one and took_back(one, issued[0]))
            need(mine or one.get("challenge_id", 0) == issued[0].get("challenge_id"), "they are of several mandates")
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError, binascii.Error) as error:
        print(f"wrong: {type(error).__name__}: {error}")
        sys.exit(1)
    for one in statements:
        print(json.dumps(one))
