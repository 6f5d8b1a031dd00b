import { test } from "node:test";
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createPrivateKey, createPublicKey, verify } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import "fake-indexeddb/auto";
import { all, forget, get, put } from "../src/keys/database";
import { decode, integer, integerValue, oid, oidText } from "../src/keys/der";
import { UnsupportedFile, WrongPassphrase, readEncryptedKey, readKeyFile, writeEncryptedKey, writeKeyFile } from "../src/keys/pkcs12";
import { CERTIFICATE_LABEL, ENROL_LABEL, STATEMENT_LABEL, makeKey, prove, restore, signStatement, signsAlike } from "../src/keys/signing";
import { concat, toBase64url, utf8 } from "../src/bytes/bytes";

const folder = mkdtempSync(join(tmpdir(), "sunbid-keys-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const path = (name: string) => join(folder, name);
const openssl = (...words: string[]) => execFileSync("openssl", words, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });

/** A key with a certificate, from OpenSSL, so that nothing of ours judges ours. */
function certified(name: string) {
  openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-subj", "/CN=投标人", "-utf8", "-days", "1", "-keyout", `${name}.key`, "-out", `${name}.pem`);
  const certificate = new Uint8Array(openssl("x509", "-in", `${name}.pem`, "-outform", "DER"));
  const privateKey = new Uint8Array(createPrivateKey(readFileSync(path(`${name}.key`))).export({ type: "pkcs8", format: "der" }));
  return { privateKey, certificates: [certificate] };
}

test("numbers and identifiers survive DER", () => {
  for (const value of [0, 1, 127, 128, 255, 256, 100_000, 2 ** 31 - 1]) assert.equal(integerValue(decode(integer(value))), value);
  for (const dotted of ["1.2.840.113549.1.12.10.1.2", "2.16.840.1.101.3.4.1.42", "0.9.2342"]) assert.equal(oidText(decode(oid(dotted))), dotted);
});

test("OpenSSL opens our key file and finds the same key and certificate", async () => {
  const file = certified("ours");
  writeFileSync(path("ours.p12"), await writeKeyFile(file, "密码 pass-1", "张三 zhang"));
  const pem = openssl("pkcs12", "-in", "ours.p12", "-passin", "pass:密码 pass-1", "-noenc").toString();
  assert.match(pem, /friendlyName/);
  assert.deepEqual(new Uint8Array(createPrivateKey(pem).export({ type: "pkcs8", format: "der" })), file.privateKey);
  assert.ok(pem.includes(readFileSync(path("ours.pem"), "utf8").trim()));
  assert.throws(() => openssl("pkcs12", "-in", "ours.p12", "-passin", "pass:wrong", "-noenc"), /invalid password|mac verify/i);
});

test("we open a key file that OpenSSL 3 made, with its chain in order", async () => {
  const file = certified("theirs");
  certified("extra");
  openssl("pkcs12", "-export", "-inkey", "theirs.key", "-in", "theirs.pem", "-certfile", "extra.pem", "-passout", "pass:s3cret", "-out", "theirs.p12");
  const read = await readKeyFile(readFileSync(path("theirs.p12")), "s3cret");
  assert.deepEqual(read.privateKey, file.privateKey);
  assert.equal(read.certificates.length, 2);
  assert.deepEqual(read.certificates[0], file.certificates[0]);
});

test("a wrong passphrase and a file of another kind are told apart", async () => {
  const bytes = await writeKeyFile(certified("wrong"), "right", "x");
  await assert.rejects(readKeyFile(bytes, "left"), WrongPassphrase);
  await assert.rejects(readKeyFile(utf8("no file of ours"), "right"), UnsupportedFile);
});

test("OpenSSL opens an encrypted trustee key, and so do we", async () => {
  const { privateKey } = certified("trustee");
  const bytes = await writeEncryptedKey(privateKey, "many hands");
  writeFileSync(path("trustee.p8"), bytes);
  openssl("pkcs8", "-inform", "DER", "-in", "trustee.p8", "-passin", "pass:many hands", "-out", "trustee.out");
  assert.deepEqual(new Uint8Array(createPrivateKey(readFileSync(path("trustee.out"))).export({ type: "pkcs8", format: "der" })), privateKey);
  assert.deepEqual(await readEncryptedKey(bytes, "many hands"), privateKey);
  await assert.rejects(readEncryptedKey(bytes, "one hand"), WrongPassphrase);
});

test("a new key proves itself over the account that it is for", async () => {
  const fresh = await makeKey("01j00000000000000000000000");
  assert.deepEqual([fresh.point.length, fresh.point[0]], [65, 4]);
  const jwk = createPrivateKey({ key: Buffer.from(fresh.privateKey), type: "pkcs8", format: "der" }).export({ format: "jwk" });
  const key = createPublicKey({ key: { kty: "EC", crv: "P-256", x: toBase64url(fresh.point.subarray(1, 33)), y: toBase64url(fresh.point.subarray(33)) }, format: "jwk" });
  assert.equal(jwk.x, toBase64url(fresh.point.subarray(1, 33)), "the private half belongs to the point");
  const message = concat(utf8(ENROL_LABEL), utf8("01j00000000000000000000000"));
  assert.ok(verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, fresh.proof));
  assert.ok(!verify("sha256", utf8("01j00000000000000000000000"), { key, dsaEncoding: "ieee-p1363" }, fresh.proof), "the label is part of what is signed");
});

test("whoever holds the key file of an outside authority proves it over account and challenge, and only then", async () => {
  const file = certified("outside");
  writeFileSync(path("outside.p12"), await writeKeyFile(file, "pass", "outside"));
  const read = await readKeyFile(readFileSync(path("outside.p12")), "pass");
  const proof = await prove(read, "account-1", "challenge-1");
  const key = { key: createPublicKey(readFileSync(path("outside.pem"))), dsaEncoding: "ieee-p1363" } as const;
  assert.ok(verify("sha256", concat(utf8(CERTIFICATE_LABEL), utf8("account-1\nchallenge-1")), key, proof));
  assert.ok(!verify("sha256", concat(utf8(CERTIFICATE_LABEL), utf8("account-1\nchallenge-2")), key, proof));
  openssl("genrsa", "-out", "rsa.key", "2048");
  const rsa = new Uint8Array(createPrivateKey(readFileSync(path("rsa.key"))).export({ type: "pkcs8", format: "der" }));
  await assert.rejects(prove({ privateKey: rsa, certificates: [] }, "account-1", "challenge-1"), UnsupportedFile);
});

test("a restored key signs statements, can not be exported, and matches its certificate", async () => {
  const bytes = await writeKeyFile(certified("again"), "pass", "again");
  await restore("bidder-1", bytes, "pass");
  const stored = await get("signing", "bidder-1");
  assert.ok(stored);
  await assert.rejects(crypto.subtle.exportKey("pkcs8", stored.privateKey));
  const signature = await signStatement(stored.privateKey, "开标记录 1");
  const key = createPublicKey(readFileSync(path("again.pem")));
  assert.ok(verify("sha256", concat(utf8(STATEMENT_LABEL), utf8("开标记录 1")), { key, dsaEncoding: "ieee-p1363" }, signature));
});

test("the database keeps, lists, replaces and forgets", async () => {
  await put("draw", { id: "a", secret: Uint8Array.of(1) });
  await put("draw", { id: "a", secret: Uint8Array.of(2) });
  await put("draw", { id: "b", secret: Uint8Array.of(3) });
  assert.deepEqual((await get("draw", "a"))?.secret, Uint8Array.of(2));
  assert.equal((await all("draw")).length, 2);
  await forget("draw", "a");
  assert.equal(await get("draw", "a"), undefined);
});

test("a backup is tried against this browser's key: only the same one signs alike", async () => {
  const [mine, other] = [certified("tried"), certified("tried-other")].map((file) => ({ ...file, privateKey: new Uint8Array(file.privateKey) }));
  const here = { account: "a", privateKey: await crypto.subtle.importKey("pkcs8", mine!.privateKey, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]), certificates: mine!.certificates };
  assert.equal(await signsAlike(mine!, here), true);
  assert.equal(await signsAlike(other!, here), false);
});
