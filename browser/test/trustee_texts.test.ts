/** Policies, bundles and trustee sets that the command line takes or refuses, and this browser with it (tests/foreign/trustee-texts.json). */
import { test } from "node:test";
import assert from "node:assert/strict";
import pinned from "../../tests/foreign/trustee-texts.json";
import { readPolicy } from "../src/log/policy";
import { BadDocument, readDocument } from "../src/sealing/documents";
import { TRUSTEE_SET } from "../src/sealing/shapes";
import { readBundle } from "../src/trustee/release";

const READERS: { readonly [kind: string]: (text: string) => unknown } = {
  policy: readPolicy,
  "opening-bundle": readBundle,
  "trustee-set": (text) => readDocument(text, "etrade/trustee-set/v1", TRUSTEE_SET),
};

for (const { name, kind, text, good } of pinned) {
  test(`${kind}, ${name}: ${good ? "taken" : "refused"}`, async () => {
    let found = true;
    try {
      await READERS[kind]!(text);
    } catch (error) {
      if (!(error instanceof BadDocument)) throw error;
      found = false;
    }
    assert.equal(found, good);
  });
}
