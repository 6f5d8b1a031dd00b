"""Judges opening bundles as docs/formats/sealed-bid.md, sections 11.1 and 13, and docs/formats/log.md tell, with nothing of ours.

usage: opening_bundle.py FILE [--drill]      a list of {"name","trust","now","bundle","code"}; exit 0 only if each is judged as it says
"""

import base64
import hashlib
import json
import sys
from datetime import datetime, timezone

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature


class Untrue(Exception):
    pass


def demand(holds, code):
    if not holds:
        raise Untrue(code)


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def jcs(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def b64u(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def to_b64u(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def moment(text):
    at = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    return int(at.timestamp()) * 1_000_000 + at.microsecond


def es256(point, message, signature):
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    try:
        key.verify(encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))
        return True
    except InvalidSignature:
        return False


def included(leaf, index, size, proof, root):
    """RFC 9162, 2.1.3.2."""
    if index >= size:
        return False
    fn, sn, r = index, size - 1, leaf
    for p in proof:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            r = sha(b"\x01", p, r)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            r = sha(b"\x01", r, p)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and r == root


def extends(first, second, first_hash, second_hash, proof):
    """RFC 9162, 2.1.4.2."""
    if first == second:
        return not proof and first_hash == second_hash
    if not 0 < first < second:
        return False
    path = ([first_hash] if first & (first - 1) == 0 else []) + proof
    if not path:
        return False
    fn, sn = first - 1, second - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    fr = sr = path[0]
    for c in path[1:]:
        if sn == 0:
            return False
        if fn & 1 or fn == sn:
            fr, sr = sha(b"\x01", c, fr), sha(b"\x01", c, sr)
            while fn & 1 == 0 and fn != 0:
                fn, sn = fn >> 1, sn >> 1
        else:
            sr = sha(b"\x01", sr, c)
        fn, sn = fn >> 1, sn >> 1
    return sn == 0 and fr == first_hash and sr == second_hash


def leaf_of(blind, kind, object_hash):
    c = sha(b"etrade/leaf/v1\n", blind, bytes([kind]), object_hash)
    return sha(b"\x00", jcs({"c": to_b64u(c), "typ": "etrade/leaf/v1"}))


def canonical(data):
    """An event document, which has one spelling only."""
    document = json.loads(data)
    demand(jcs(document) == data, "bad_entry")
    return document


def key_of(text):
    name, key_id, public = text.split("+", 2)
    public = base64.b64decode(public)
    assert sha(name.encode(), b"\n", public)[:4] == bytes.fromhex(key_id)
    return name, bytes.fromhex(key_id), Ed25519PublicKey.from_public_bytes(public[1:])


def rotations_of(text):
    """The changes of key, each signed by both keys: (old, new, size, root)."""
    changes, parts = [], text.split("\n\n") if text else []
    demand(len(parts) % 2 == 0, "rotations")
    for body, lines in zip(parts[::2], parts[1::2]):
        first, origin, old, new, size, root = body.split("\n")
        demand(first == "sunbid/log-rotation/v1", "rotations")
        demand(not changes or (changes[-1][1] == old and changes[-1][2] < int(size)), "rotations")
        for text_of_key in (old, new):
            name, key_id, public = key_of(text_of_key)
            signed = [base64.b64decode(line.split(" ")[2]) for line in lines.splitlines() if line.split(" ")[1] == name]
            signed = [value[4:] for value in signed if value[:4] == key_id]
            demand(name == origin and signed, "rotations")
            public.verify(signed[0], (body + "\n").encode())
        changes.append((old, new, int(size), base64.b64decode(root)))
    return changes


def head_of(note, policy, changes=()):
    """The checkpoint, and who cosigned it when. A policy here: one log, any witnesses, one of them as the quorum."""
    text, lines = note.rsplit("\n\n", 1)
    text += "\n"
    _, size, root = text.split("\n")[:3]
    size, root = int(size), base64.b64decode(root)
    logs, witnesses, quorum = [], {}, None
    for words in (line.split() for line in policy.splitlines()):
        if words[0] == "log":
            logs.append(words[1])
        elif words[0] == "witness":
            witnesses[words[2]] = words[1]
        elif words[0] == "quorum":
            quorum = None if words[1] == "none" else words[1]
    if any(key in change[:2] for key in logs for change in changes):
        logs = sorted({key for change in changes for key in change[:2]} | set(logs))
    signed, cosigned = False, {}
    for line in lines.splitlines():
        _, name, value = line.split(" ")
        value = base64.b64decode(value)
        for key in logs + list(witnesses):
            own, key_id, public = key.split("+", 2)
            if own != name or bytes.fromhex(key_id) != value[:4]:
                continue
            public = base64.b64decode(public)
            assert sha(own.encode(), b"\n", public)[:4] == value[:4]
            signature, message = value[4:], text
            if key in witnesses:
                seconds = int.from_bytes(value[4:12], "big")
                signature, message = value[12:], f"cosignature/v1\ntime {seconds}\n{text}"
                cosigned.setdefault(witnesses[key], seconds * 1_000_000)
            try:
                Ed25519PublicKey.from_public_bytes(public[1:]).verify(signature, message.encode())
            except InvalidSignature:
                raise Untrue("forged")
            late = any(key == old and (size, root) != (at, was) and size >= at for old, _, at, was in changes)
            soon = any(key == new and (size, root) != (at, was) and size <= at for _, new, at, was in changes)
            signed |= key in logs and not late and not soon
    demand(signed, "other_key")
    return text.split("\n")[0], size, root, quorum, cosigned


def witnessed(quorum, cosigned, since):
    if quorum is None:
        return
    demand(quorum in cosigned, "not_cosigned")
    demand(cosigned[quorum] >= since, "old_cosigned")


def check_papers(bundle, now):
    trustees, bids = bundle["trustees"], bundle["bid_set"]
    assert now >= moment(bundle["opens_at"])
    bare = dict(trustees, members=[{k: m[k] for k in ("hpke", "i", "org", "sign")} for m in trustees["members"]])
    for member in trustees["members"]:
        assert es256(b64u(member["sign"]), b"etrade/trustee-set/v1\n" + jcs(bare), b64u(member["sig"]))
    assert [b64u(bid["m"]) for bid in bids["bids"]] == sorted({b64u(bid["m"]) for bid in bids["bids"]})
    dual = []
    for bid, manifest in zip(bids["bids"], bundle["manifests"], strict=True):
        ctx = manifest["ctx"]
        assert to_b64u(sha(b"etrade/bid-manifest/v1\n", jcs(manifest))) == bid["m"]
        assert int(bid["leaf"]) < int(bids["closing"]["size"])
        assert [ctx[k] for k in ("tender", "lot", "envelope")] == [bids[k] for k in ("tender", "lot", "envelope")]
        assert ctx["trustees"] == to_b64u(sha(jcs(trustees)))
        dual += [bid["m"]] if ctx["mode"] == "dual" else []
    phase = bundle.get("bidders", {"absent": [], "released": []})
    assert sorted(phase["absent"] + phase["released"]) == sorted(dual)


def announced(steps, tender_number, closing):
    """The opening time as notices and moves set it, how many notices there are, and the tender's id."""
    demand(steps and all(index < closing for index, *_ in steps), "no_notice")
    tender, time, notices = steps[0][3]["tender"], None, 0
    for _, number, _, said in steps:
        demand(said["tender"] == tender, "no_notice")
        if number == 221:
            demand(notices > 0, "no_notice")
            demand(moment(said["was"]) == time and moment(said["now"]) > time, "other_time")
            time = moment(said["now"])
            continue
        kept, notices = said["notice"], notices + 1
        notice = json.loads(kept["statement"])
        demand(notice["number"] == tender_number and notice["version"] == said["version"] == notices, "no_notice")
        point = x509.load_der_x509_certificate(b64u(kept["certificate"])).public_key()
        numbers = point.public_numbers()
        point = b"\x04" + numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")
        message = b"etrade/statement/v1\n" + kept["statement"].encode()
        demand(es256(point, message, b64u(kept["signature"])), "notice_not_signed")
        time = moment(notice["schedule"]["bids_until"])
    return time, notices, tender


def only(events, number, code):
    found = [event for event in events if event[1] == number]
    demand(len(found) == 1, code)
    return found[0]


def judge(bundle, trust, now):
    demand(bundle["typ"] == "etrade/opening-bundle/v2" and "log" in bundle, "drill_only")
    check_papers(bundle, now)
    log, bids, opens = bundle["log"], bundle["bid_set"], moment(bundle["opens_at"])
    assert log["rotations"] == "", "the pinned examples change no key"
    origin, size, root, quorum, cosigned = head_of(log["checkpoint"], trust)
    witnessed(quorum, cosigned, opens)
    closing, closing_root = int(bids["closing"]["size"]), b64u(bids["closing"]["root"])
    demand(extends(closing, size, closing_root, root, [b64u(h) for h in log["closing"]]), "split_view")
    demand(len(log["bids"]) == len(bids["bids"]), "other_bids")
    for shown, bid, manifest in zip(log["bids"], bids["bids"], bundle["manifests"]):
        demand(manifest["ctx"]["origin"] == origin, "other_log")
        leaf = leaf_of(b64u(shown["blind"]), 70, b64u(bid["m"]))
        demand(included(leaf, int(bid["leaf"]), closing, [b64u(h) for h in shown["proof"]], closing_root), "bid_not_logged")
    events = []
    for entry in log["entries"]:
        leaf = leaf_of(b64u(entry["blind"]), entry["number"], sha(b64u(entry["object"])))
        demand(included(leaf, int(entry["index"]), size, [b64u(h) for h in entry["proof"]], root), "entry_not_logged")
        document = canonical(b64u(entry["object"]))
        events.append((int(entry["index"]), entry["number"], moment(document["at"]), document["event"]))
    demand([event[0] for event in events] == sorted({event[0] for event in events}), "bad_entry")
    time, notices, tender = announced([e for e in events if e[1] in (33, 221)], bids["tender"], closing)
    demand(opens == time, "other_time")
    index, _, closed_at, closed = only(events, 130, "not_closed")
    demand([closed["tender"], closed["number"], closed["lot_number"]] == [tender, bids["tender"], bids["lot"]], "not_closed")
    demand([closed["size"], closed["root"]] == [bids["closing"]["size"], bids["closing"]["root"]] and index >= closing, "not_closed")
    set_hash = to_b64u(sha(b"etrade/bid-set/v1\n", jcs(bids)))
    own = {"bids": len(bids["bids"]), "envelope": bids["envelope"], "hash": set_hash}
    demand([s for s in closed["sets"] if s["envelope"] == bids["envelope"]] == [own], "other_bids")
    demand(closed["notice"] == notices, "no_notice")
    demand(moment(closed["deadline"]) == time, "other_time")
    demand(closed_at >= time, "closed_early")
    place = [closed["lot"], bids["envelope"]]
    started_at, _, _, started = only(events, 132, "other_session")
    demand([started["lot"], started["envelope"]] == place and started_at > index, "other_session")
    demand(started["session"] == bundle["session"], "other_session")
    demand(started["bid_set"] == set_hash, "other_bids")
    phase = bundle.get("bidders")
    if phase is None:
        demand("bidders_until" not in started and not any(e[1] == 142 for e in events), "other_bidders")
        return
    done_index, _, done_at, done = only(events, 142, "other_bidders")
    told = {k: done[k] for k in ("absent", "released", "until")}
    demand([done["lot"], done["envelope"]] == place and done_index > index and told == phase, "other_bidders")
    demand(started.get("bidders_until") == phase["until"], "bidders_early")
    if phase["absent"]:
        demand(done_at >= moment(phase["until"]), "bidders_early")
        witnessed(quorum, cosigned, max(opens, moment(phase["until"])))


def judge_drill(bundle, trust, now):
    lots = {bundle["bid_set"]["lot"], *(manifest["ctx"]["lot"] for manifest in bundle["manifests"])}
    demand(lots == {"canary"} and "log" not in bundle and bundle["typ"] != "etrade/opening-bundle/v2", "no_drill")
    demand(bundle["typ"] == "etrade/opening-bundle/v3" and "drill" in bundle, "old_drill")
    check_papers(bundle, now)
    log, begun = bundle["drill"], bundle["drill"]["begun"]
    origin, size, root, quorum, cosigned = head_of(log["checkpoint"], trust, rotations_of(log["rotations"]))
    demand(quorum is None or quorum in cosigned, "not_cosigned")
    demand(quorum is None or cosigned[quorum] >= moment(bundle["opens_at"]) - 60_000_000, "slow_witness")
    demand(quorum is None or cosigned[quorum] >= now - 86_400_000_000, "stale_cosigned")
    demand(all(manifest["ctx"]["origin"] == origin for manifest in bundle["manifests"]), "other_log")
    leaf = leaf_of(b64u(begun["blind"]), begun["number"], sha(b64u(begun["object"])))
    demand(included(leaf, int(begun["index"]), size, [b64u(h) for h in begun["proof"]], root), "entry_not_logged")
    demand(begun["number"] == 81, "other_drill")
    said = canonical(b64u(begun["object"]))["event"]
    demand([said["m"]] == [bid["m"] for bid in bundle["bid_set"]["bids"]], "other_drill")
    demand(said["session"] == bundle["session"], "other_drill")


def main(path, judge=judge):
    wrong = 0
    with open(path, encoding="utf-8") as file:
        cases = json.load(file)
    for case in cases:
        try:
            judge(case["bundle"], case["trust"], moment(case["now"]))
            code = ""
        except Untrue as untrue:
            code = str(untrue)
        same = code == case["code"]
        wrong += not same
        print(f"{'same' if same else 'DIFFERS'} {case['name']}: {code or 'true'}")
    return 1 if wrong or not cases else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], judge_drill if "--drill" in sys.argv else judge))
