"""Checkpoints, signed notes and proofs (C2SP tlog-checkpoint, signed-note; RFC 9162 section 2.1), for verify.py and receipt.py."""
import base64, hashlib, json, re
from ed25519 import signed


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def node(left, right):
    return sha(b"\1", left, right)


def unique(pairs):  # for json.loads: no member twice
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a member is there twice")
    return dict(pairs)


def checkpoint(text):
    origin, size, root, *more = text[:-1].split("\n")
    root = base64.b64decode(root, validate=True)
    if not (text.endswith("\n") and re.fullmatch("0|[1-9][0-9]{0,15}", size) and len(root) == 32):
        raise ValueError("it is no checkpoint")
    return origin, int(size), root, more


def opened(note, vkey):
    name, key_id, material = vkey.split("+", 2)
    key = base64.b64decode(material, validate=True)
    if len(key) != 33 or key[0] != 1 or sha(name.encode(), b"\n", key)[:4].hex() != key_id:
        raise ValueError("it is no public key")
    text, _, lines = note.rpartition("\n\n")
    for line in lines.splitlines():
        dash, by, data = line.split(" ")
        raw = base64.b64decode(data, validate=True)
        if dash == "—" and by == name and raw[:4].hex() == key_id and len(raw) == 68:
            if signed(key[1:], (text + "\n").encode(), raw[4:]) and checkpoint(text + "\n")[0] == name:
                return checkpoint(text + "\n")
    raise ValueError("the note is not signed by this key")


def kept(path, vkey):  # the checkpoints in a file
    with open(path, encoding="utf-8") as file:
        text = file.read(2_000_000)
    parts = json.loads(text) if text.startswith("{") else {"body": text}
    for part in [parts[name] for name in ("note", "body") if name in parts]:
        yield path, opened(part, vkey) if "\n\n" in part else checkpoint(part)


def climb(fn, sn, fr, sr, proof):  # the walk that RFC 9162 sections 2.1.3.2 and 2.1.4.2 have in common
    for p in proof:
        if sn == 0:
            return None
        if fn & 1 or fn == sn:
            fr, sr = node(p, fr), node(p, sr)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = node(sr, p)
        fn, sn = fn >> 1, sn >> 1
    return (fr, sr) if sn == 0 else None


def included(leaf, index, size, proof, root):
    return 0 <= index < size and (climb(index, size - 1, leaf, leaf, proof) or (b"", b""))[1] == root


def consistent(size, root, larger, other, proof):
    if size == larger:
        return root == other and not proof
    if not 0 < size < larger:
        return size == 0
    first, *rest = ([root] if size & (size - 1) == 0 else []) + proof or [b""]
    fn, sn = size - 1, larger - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    return climb(fn, sn, first, first, rest) == (root, other)


class Tree:
    """What a tree is made of so far: the roots of its full subtrees, the largest first."""

    def __init__(self):
        self.size, self.parts = 0, []

    def add(self, level, value):
        if not 0 <= level < 53 or self.size % 2**level:
            raise ValueError("no such part of the tree can be here")
        self.size += 2**level
        while self.parts and self.parts[-1][0] == level:
            level, value = level + 1, node(self.parts.pop()[1], value)
        self.parts.append((level, value))

    def root(self):
        value = self.parts[-1][1] if self.parts else sha()
        for _, left in reversed(self.parts[:-1]):
            value = node(left, value)
        return value
