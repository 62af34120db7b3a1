#!/usr/bin/env python3
"""Verifies a bundle of Mandate's audit log, as docs/evidence.md says: verify.py BUNDLE VKEY [CHECKPOINT ...]

Python 3.10 and the files beside it. It prints what is wrong, and ends with 0 if nothing is, else with 1."""
import gzip, json, sys, zlib
from tlog import Tree, checkpoint, consistent, included, kept, opened, sha, unique

MOST = 32 * 1024 * 1024
faults = 0


def wrong(what):
    global faults
    faults += 1
    print("".join(c if c.isprintable() else "?" for c in what))


class Bundle:
    def __init__(self, vkey, kept):
        self.vkey, self.kept, self.tree, self.chains = vkey, kept, Tree(), {}
        self.head = self.note = self.last = None
        self.events = 0

    def take(self, origin, size):  # the checkpoints that were kept of this log and size
        found = [one for one in self.kept if one[1][:2] == (origin, size)]
        self.kept = [one for one in self.kept if one not in found]
        return [(name, root) for name, (_, _, root, _) in found]

    def begin(self, line):
        self.head, first, end = line, line["first"], line["end"]
        if line["version"] != 1 or not (type(first) is type(end) is int and 0 <= first <= end):
            raise ValueError("it is of another version, or ends before it begins")
        if not line["origin"].endswith(f"/zones/{line['zone']}"):
            wrong("checkpoint: the log is not that of the zone")

    def grown(self, start, proof):
        for name, root in self.take(self.head["log"], start):
            if not consistent(start, root, self.note[1], self.note[2], proof):
                wrong(f"checkpoint: the installation's log has not grown from {name}")

    def add(self, level, value):
        self.tree.add(level, value)
        for name, root in self.take(self.head["origin"], self.tree.size):
            if root != self.tree.root():
                wrong(f"checkpoint: {name} has another root")

    def event(self, line):
        text, before, value = json.loads(line["text"]), line["previous_hash"], line["hash"]
        seq, writer = text["seq"], text["writer"]
        where = f"writer {writer}, seq {seq}, event {text['id']}"
        if sha(bytes.fromhex(before), line["text"].encode()).hex() != value:
            wrong(f"changed: {where}: its hash is not that of its text")
        if text["zone_id"] != self.head["zone"]:
            wrong(f"added: {where}: it was recorded in another zone")
        last, named = self.chains.get(writer, (seq - 1, before if seq > 1 else "0" * 64))
        if seq != last + 1:
            wrong(f"{'removed' if seq > last else 'reordered'}: {where}: it comes after {last}")
        elif before != named:
            wrong(f"changed: {where}: it names another hash than the event before it has")
        self.chains[writer], self.events = (seq, value), self.events + 1
        self.add(0, sha(b"\0", bytes.fromhex(value)))

    def checkpoint(self, line, proof):
        origin, self.last, root, _ = checkpoint(line["body"])
        if (origin, self.last, root) != (self.head["origin"], self.tree.size, self.tree.root()):
            wrong(f"checkpoint: that of {self.last} leaves does not fit the events")
        if not included(sha(b"\0", line["body"].encode()), line["leaf"], self.note[1], proof, self.note[2]):
            wrong(f"checkpoint: that of {self.last} leaves is not in the signed one")

    def line(self, line):
        kind, proof = line["kind"], [bytes.fromhex(h) for h in line.get("proof", [])]
        if (self.head is None) != (kind == "bundle"):
            raise ValueError("it is not the line that comes here")
        if kind == "bundle":
            self.begin(line)
        elif kind == "note":
            if self.note is not None:
                raise ValueError("a bundle has one note")
            self.note = opened(line["note"], self.vkey)
            if self.note[0] != self.head["log"]:
                wrong("checkpoint: what is signed is of another log")
            self.grown(self.note[1], [])
        elif kind == "consistency":
            self.grown(line["from"], proof)
        elif kind == "tree":
            start = self.tree.size
            self.add(line["level"], bytes.fromhex(line["hash"]))
            if self.head["first"] < self.tree.size and start < self.head["end"]:
                wrong(f"removed: leaves up to {self.tree.size - 1} are sealed, and their events are not there")
        elif kind == "event":
            if not self.head["first"] <= self.tree.size < self.head["end"]:
                raise ValueError("it is beside the events")
            self.event(line)
        elif kind == "checkpoint":
            self.checkpoint(line, proof)
        elif kind not in ("key", "end"):
            raise ValueError("it is of no kind that bundles have")

    def verify(self, lines):
        count, kind = 0, None
        for line in (json.loads(raw, object_pairs_hook=unique) for raw in lines):
            if kind == "end":
                raise ValueError("something comes after the end")
            self.line(line)
            kind, count = line["kind"], count + 1
            if kind == "end" and line["lines"] != count - 1:
                raise ValueError("lines are missing, or there are more")
        if kind != "end" or self.note is None or self.last is None or self.last < self.head["end"]:
            wrong("form: it is cut off, or its last events are in no checkpoint")
        for name, (origin, size, *_) in self.kept:
            wrong(f"checkpoint: the bundle does not prove that it has grown from {name} ({origin}, {size} leaves)")


def read(path):
    with open(path, "rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        while raw := file.readline(MOST + 1):
            if not raw.endswith(b"\n"):
                raise ValueError("a line is cut off, or too long")
            yield raw.decode()


if __name__ == "__main__":
    bundle = None
    try:
        path, vkey, *files = sys.argv[1:]
        bundle = Bundle(vkey, [one for name in files for one in kept(name, vkey)])
        bundle.verify(read(path))
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, RecursionError, zlib.error) as error:
        wrong(f"form: {type(error).__name__}: {error}")
    print(f"{bundle.events if bundle else 0} events: {'nothing is wrong' if faults == 0 else f'{faults} faults'}")
    sys.exit(1 if faults else 0)
