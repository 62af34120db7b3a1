#!/usr/bin/env python3
"""Verifies a bundle of Mandate's audit log, as docs/evidence.md says: verify.py BUNDLE VKEY [CHECKPOINT ...]

Python 3.10 and nothing else. It prints what is wrong, and ends with 0 if nothing is, else with 1."""
import base64, gzip, hashlib, json, re, sys

MOST = 32 * 1024 * 1024
sha = lambda *parts: hashlib.sha256(b"".join(parts)).digest()
node = lambda left, right: sha(b"\1", left, right)
faults = 0


def wrong(what):
    global faults
    faults += 1
    print("".join(c if c.isprintable() else "?" for c in what))


# Ed25519 (RFC 8032 sections 5.1.7 and 6)
P, L = 2**255 - 19, 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P


def point(data):
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    x2 = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(x2, (P + 3) // 8, P)
    x = x if x * x % P == x2 else x * pow(2, (P - 1) // 4, P) % P
    if y >= P or x * x % P != x2 or (x == 0 and sign):
        raise ValueError("it is no point")
    x = P - x if x & 1 != sign else x
    return x, y, 1, x * y % P


def plus(p, q):
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % P, (p[1] + p[0]) * (q[1] + q[0]) % P
    c, d = 2 * p[3] * q[3] * D % P, 2 * p[2] * q[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(n, p):
    q = (0, 1, 1, 0)
    while n:
        q, p, n = plus(q, p) if n & 1 else q, plus(p, p), n >> 1
    return q


def signed(key, text, signature):
    s, base = int.from_bytes(signature[32:], "little"), point((4 * pow(5, P - 2, P) % P).to_bytes(32, "little"))
    k = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % L
    a, b = times(s, base), plus(point(signature[:32]), times(k, point(key)))
    return s < L and all((a[i] * b[2] - b[i] * a[2]) % P == 0 for i in (0, 1))


# Checkpoints and proofs
def checkpoint(text):
    origin, size, root, *more = text[:-1].split("\n")
    if not (text.endswith("\n") and re.fullmatch("0|[1-9][0-9]{0,15}", size) and len(base64.b64decode(root, validate=True)) == 32):
        raise ValueError("it is no checkpoint")
    return origin, int(size), base64.b64decode(root), more


def opened(note, vkey):
    name, key_id, material = vkey.split("+", 2)
    kind_and_key = base64.b64decode(material, validate=True)
    if len(kind_and_key) != 33 or kind_and_key[0] != 1 or sha(name.encode(), b"\n", kind_and_key)[:4].hex() != key_id:
        raise ValueError("it is no public key")
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        dash, by, data = line.split(" ")
        raw = base64.b64decode(data, validate=True)
        if dash == "—" and by == name and raw[:4].hex() == key_id and len(raw) == 68:
            if signed(kind_and_key[1:], (text + "\n").encode(), raw[4:]) and checkpoint(text + "\n")[0] == name:
                return checkpoint(text + "\n")
    raise ValueError("the note is not signed by this key")


def included(leaf, index, size, proof, root):  # RFC 9162 section 2.1.3.2
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = node(p, r)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = node(r, p)
        fn, sn = fn >> 1, sn >> 1
    return 0 <= index < size and sn == 0 and r == root


def consistent(size, root, larger, other, proof):  # RFC 9162 section 2.1.4.2
    if size == larger:
        return root == other and not proof
    if not 0 < size < larger:
        return size == 0
    proof = ([root] if size & (size - 1) == 0 else []) + proof
    fn, sn, fr, sr = size - 1, larger - 1, proof[0] if proof else b"", proof[0] if proof else b""
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    for p in proof[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = node(p, fr), node(p, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and (fr, sr) == (root, other)


def unique(pairs):
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def verify(lines, vkey, kept):
    head = note = last = None
    stack, size, count, ended, chains, number = [], 0, 0, False, {}, 0

    def add(level, value):
        nonlocal size
        if not 0 <= level < 53 or size % 2**level:
            raise ValueError("no such part of the tree can be here")
        size += 2**level
        while stack and stack[-1][0] == level:
            level, value = level + 1, node(stack.pop()[1], value)
        stack.append((level, value))
        look()

    def root():
        value = stack[-1][1] if stack else sha()
        for _, left in reversed(stack[:-1]):
            value = node(left, value)
        return value

    def look():
        for one in [k for k in kept if k[1][0] == head["origin"] and k[1][1] == size]:
            kept.remove(one)
            if one[1][2] != root():
                wrong(f"checkpoint: {one[0]} has another root")

    def grown(start, proof):
        for one in [k for k in kept if k[1][0] == head["log"] and k[1][1] == start]:
            kept.remove(one)
            if not consistent(start, one[1][2], note[1], note[2], proof):
                wrong(f"checkpoint: the installation's log has not grown from {one[0]}")

    for raw in lines:
        line = json.loads(raw, object_pairs_hook=unique)
        kind, proof = line["kind"], [bytes.fromhex(h) for h in line.get("proof", [])]
        if ended or (head is None) != (kind == "bundle"):
            raise ValueError("it is not the line that comes here")
        if kind == "bundle":
            head = line
            if line["version"] != 1 or not (type(line["first"]) is type(line["end"]) is int and 0 <= line["first"] <= line["end"]):
                raise ValueError("it is of another version, or ends before it begins")
            if not line["origin"].endswith(f"/zones/{line['zone']}"):
                wrong("checkpoint: the log is not that of the zone")
        elif kind == "note":
            if note is not None:
                raise ValueError("a bundle has one note")
            note = opened(line["note"], vkey)
            if note[0] != head["log"]:
                wrong("checkpoint: what is signed is of another log")
            grown(note[1], [])
        elif kind == "consistency":
            grown(line["from"], proof)
        elif kind == "tree":
            add(line["level"], bytes.fromhex(line["hash"]))
            if head["first"] < size and size - 2 ** line["level"] < head["end"]:
                wrong(f"removed: leaves up to {size - 1} are sealed, and their events are not there")
        elif kind == "event":
            if not head["first"] <= size < head["end"]:
                raise ValueError("it is beside the events")
            event, before = json.loads(line["text"]), bytes.fromhex(line["previous_hash"])
            where = f"writer {event['writer']}, seq {event['seq']}, event {event['id']}"
            if sha(before, line["text"].encode()).hex() != line["hash"]:
                wrong(f"changed: {where}: its hash is not that of its text")
            if event["zone_id"] != head["zone"]:
                wrong(f"added: {where}: it was recorded in another zone")
            seq, value = chains.get(event["writer"], (event["seq"] - 1, line["previous_hash"] if event["seq"] > 1 else "0" * 64))
            if event["seq"] != seq + 1:
                wrong(f"{'removed' if event['seq'] > seq else 'reordered'}: {where}: it comes after {seq}")
            elif line["previous_hash"] != value:
                wrong(f"changed: {where}: it names another hash than the event before it has")
            chains[event["writer"]] = event["seq"], line["hash"]
            count += 1
            add(0, sha(b"\0", bytes.fromhex(line["hash"])))
        elif kind == "checkpoint":
            origin, leaves, value, more = checkpoint(line["body"])
            if origin != head["origin"] or leaves != size or value != root():
                wrong(f"checkpoint: that of {leaves} leaves does not fit the events")
            if not included(sha(b"\0", line["body"].encode()), line["leaf"], note[1], proof, note[2]):
                wrong(f"checkpoint: that of {leaves} leaves is not in the signed one")
            last = leaves
        ended, number = kind == "end", number + 1
        if ended and line["lines"] != number - 1:
            raise ValueError("lines are missing, or there are more")
    if not ended or note is None or last is None or last < head["end"]:
        wrong("form: it is cut off, or its last events are in no checkpoint")
    for name, (origin, leaves, *_) in kept:
        wrong(f"checkpoint: the bundle does not prove that it has grown from {name} ({origin}, {leaves} leaves)")
    return count


def read(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        while raw := file.readline(MOST + 1):
            if not raw.endswith(b"\n"):
                raise ValueError("a line is cut off, or too long")
            yield raw.decode()


def keep(path, vkey):
    with open(path, encoding="utf-8") as file:
        text = file.read(2_000_000)
    parts = json.loads(text) if text.startswith("{") else {"body": text}
    for part in [parts[name] for name in ("note", "body") if name in parts]:
        yield path, opened(part, vkey) if "\n\n" in part else checkpoint(part)


if __name__ == "__main__":
    events = 0
    try:
        bundle, vkey, *files = sys.argv[1:]
        events = verify(read(bundle), vkey, [one for path in files for one in keep(path, vkey)])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RecursionError, gzip.zlib.error) as error:
        wrong(f"form: {type(error).__name__}: {error}")
    print(f"{events} events: {'nothing is wrong' if faults == 0 else f'{faults} faults'}")
    sys.exit(1 if faults else 0)
