"""Makes share-commit-vectors.json: the bids of sealed-bid-vectors.json with share commitments, and what the opening check says of them
when bidders or trustees cheat. Run once; the result is committed and never edited (signatures are random).
"""

import json
import pathlib

from cryptography.hazmat.primitives.asymmetric import ec

import sealed_bid as f

HERE = pathlib.Path(__file__)
OUT = HERE.with_name("share-commit-vectors.json")


def private_key(raw):
    return ec.derive_private_key(int.from_bytes(f.unb64u(raw), "big"), ec.SECP256R1())


def bid(old):
    """One of the old bids, with commitments and signed anew."""
    given, expect = old["given"], old["expect"]
    c, shares = f.unb64u(expect["c"]), [f.unb64u(s) for s in expect["shares"]]
    manifest = json.loads(expect["manifest"])
    manifest["lock"]["shares"] = [f.b64u(f.commit_share(c, s)) for s in shares]
    message = f.manifest_message(manifest)
    signature = json.loads(expect["signature"])
    signature["sig"] = f.b64u(f.sign_es256(private_key(given["bidder_private"]), message))
    return {
        "name": old["name"], "shares": manifest["lock"]["shares"], "manifest": f.jcs(manifest).decode(),
        "manifest_id": f.b64u(f.H(message)), "signature": f.jcs(signature).decode(),
    }


def lock_of(c, t, keys, k_t, shares=None):
    shares = shares or f.shares_of(c, k_t, t, len(keys))
    boxes = [
        f.hpke_seal(pk, f.share_info(c, i, pk), share, f.derive_key_pair(f.expand(k_t, b"etrade/bid/eph/v1\n" + c + bytes([i]), 32)))
        for i, (share, pk) in enumerate(zip(shares, keys), 1)
    ]
    return {
        "boxes": [f.b64u(b) for b in boxes], "commit_b": None, "commit_t": f.b64u(f.commit_t(c, k_t)), "n": len(keys),
        "shares": [f.b64u(f.commit_share(c, s)) for s in shares], "t": t,
    }


def flipped(share):
    return share[:-1] + bytes([share[-1] ^ 1])


def verdicts():
    c, k_t = f.H(b"a context"), f.H(b"the key of the trustees")
    keys = [f.point(ec.derive_private_key(1000 + i, ec.SECP256R1())) for i in range(32)]
    rows = []

    def row(name, t, n, told, change=None, dealt=None):
        lock = lock_of(c, t, keys[:n], k_t, dealt)
        if change:
            change(lock)
        shares = dealt or f.shares_of(c, k_t, t, n)
        reported = {i: told(i, shares[i - 1]) for i in range(1, n + 1)}
        reported = {i: share for i, share in reported.items() if share != "silent"}
        found = f.opening_check(c, lock, keys[:n], reported)
        verdict = {"is": found[0]}
        if found[0] == "sound":
            verdict["liars"] = found[2]
        elif found[0] == "at_fault":
            verdict["why"], verdict["i"] = found[1], found[2]
        else:
            verdict["have"] = found[1]
        rows.append({
            "name": name, "lock": f.jcs(lock).decode(),
            "reported": [{"i": i, "share": f.b64u(s) if s else None} for i, s in reported.items()], "verdict": verdict,
        })

    def commitment(lock, at):
        lock["shares"][at] = f.b64u(bytes(32))

    def box(lock, at):
        raw = bytearray(f.unb64u(lock["boxes"][at]))
        raw[100] ^= 1
        lock["boxes"][at] = f.b64u(bytes(raw))

    honest = lambda i, share: share
    row("all honest", 3, 5, honest)
    row("three of five, two silent", 3, 5, lambda i, s: s if i % 2 else "silent")
    row("one lies, one says that the box does not open", 3, 5, lambda i, s: flipped(s) if i == 2 else None if i == 5 else s)
    row("one of three lies, nobody else has come", 3, 5, lambda i, s: "silent" if i > 3 else flipped(s) if i == 1 else s)
    row("three of five lie", 3, 5, lambda i, s: flipped(s) if i > 2 else s)
    row("two of five lie where four are needed", 4, 5, lambda i, s: flipped(s) if i > 3 else s)
    row("sixteen of 32 lie where 17 are needed", 17, 32, lambda i, s: flipped(s) if i > 16 else s)
    row("fifteen of 32 lie where 17 are needed", 17, 32, lambda i, s: flipped(s) if i > 17 else s)
    row("another key is committed", 3, 5, lambda i, s: s if i > 2 else "silent", lambda l: l.update(commit_t=f.b64u(bytes(32))))
    row("a false commitment", 3, 5, lambda i, s: s if i < 4 else "silent", lambda l: commitment(l, 4))
    row("a false box", 3, 5, lambda i, s: s if i < 4 else "silent", lambda l: box(l, 3))
    dealt = f.shares_of(c, k_t, 3, 5)
    dealt[1] = flipped(dealt[1])
    row("a wrong share that is committed to, among the first", 3, 5, lambda i, s: s if i < 4 else "silent", dealt=dealt)
    row("a wrong share that is committed to, silent", 3, 5, lambda i, s: "silent" if i in (2, 5) else s, dealt=dealt)
    return {"c": f.b64u(c), "box_keys": [f.b64u(k) for k in keys], "rows": rows}


def main():
    old = json.loads(HERE.with_name("sealed-bid-vectors.json").read_text())
    document = {
        "format": "etrade/bid/v1, with share commitments", "bids": [bid(case) for case in old["cases"]], "opening_check": verdicts(),
    }
    OUT.write_text(json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
