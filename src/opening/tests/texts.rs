//! The command line and the browser take the same texts: policies, bundles and trustee sets that one of them refuses, the other
//! refuses too (`tests/foreign/trustee-texts.json`, read here and by `browser/test/trustee_texts.test.ts`).

use crate::ledger::note::{SignerKey, VerifierKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::platform::canonical::jcs_text;
use crate::sealing::release::OpeningBundle;
use crate::sealing::trustees::TrusteeSet;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Policy,
    OpeningBundle,
    TrusteeSet,
}

#[derive(Serialize, Deserialize)]
struct Text {
    name: String,
    kind: Kind,
    text: String,
    good: bool,
}

/// A trustee's policy must name a log.
fn taken(one: &Text) -> bool {
    match one.kind {
        Kind::Policy => Policy::parse(&one.text).is_ok_and(|policy| !policy.logs().is_empty()),
        Kind::OpeningBundle => OpeningBundle::read(one.text.as_bytes()).is_ok(),
        Kind::TrusteeSet => TrusteeSet::read(one.text.as_bytes()).is_ok(),
    }
}

fn foreign(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/foreign").join(name)
}

/// The key under another name.
fn renamed(key: &VerifierKey, name: &str) -> String {
    VerifierKey::new(name, key.kind(), *key.public()).unwrap().to_string()
}

fn policies() -> Vec<(&'static str, String, bool)> {
    let log = SignerKey::generate("log.example/main").unwrap().verifier().clone();
    let [one, two] = ["one.example/w", "two.example/w"].map(|name| WitnessKey::generate(name).unwrap());
    let (w1, w2) = (one.verifier(), two.verifier());
    let base = format!(
        "# of a notary\nlog {log} https://log.example/log\nwitness A {w1} http://a/\n\twitness  B {w2}\n"
    );
    let with = |lines: &str| format!("{base}{lines}");
    vec![
        ("a quorum of groups", with("group g 1 A B\ngroup h all g\nquorum h\n"), true),
        ("nobody must cosign", with("quorum none\n"), true),
        ("no last line end", with("group g any A B\nquorum g"), true),
        (
            "one witness key under two names",
            with(&format!("witness C {w1}\ngroup g 2 A C\nquorum g\n")),
            false,
        ),
        (
            "one witness key under another key name",
            with(&format!("witness C {}\ngroup g 2 A C\nquorum g\n", renamed(w1, "three.example/w"))),
            false,
        ),
        (
            "one log key twice",
            with(&format!("log {}\nquorum none\n", renamed(&log, "other.example/log"))),
            false,
        ),
        ("one name for two witnesses", with(&format!("witness A {w2}\nquorum A\n")), false),
        ("a member of two groups", with("group g any A\ngroup h 2 A B\nquorum h\n"), false),
        ("a member twice", with("group g 2 A A\nquorum g\n"), false),
        ("a member that is not defined above", with("group g any h\ngroup h any A\nquorum g\n"), false),
        ("a threshold of none", with("group g 0 A\nquorum g\n"), false),
        ("a threshold above the members", with("group g 3 A B\nquorum g\n"), false),
        ("a threshold with a zero before it", with("group g 01 A B\nquorum g\n"), false),
        ("a threshold in hexadecimal", with("group g 0x1 A B\nquorum g\n"), false),
        ("a threshold with an exponent", with("group g 1e0 A B\nquorum g\n"), false),
        ("a threshold with a sign", with("group g +1 A B\nquorum g\n"), false),
        ("an empty group", with("group g all\nquorum g\n"), false),
        ("a group named none", with("group none any A\nquorum none\n"), false),
        ("two quorums", with("quorum none\nquorum A\n"), false),
        ("no quorum", with(""), false),
        ("a quorum of nobody known", with("quorum C\n"), false),
        ("a line of an unknown kind", with("cosigner A\nquorum none\n"), false),
        ("too many words", with("quorum A B\n"), false),
        ("a witness with the key of a log", with(&format!("witness C {log}\nquorum none\n")), false),
        ("a log with the key of a witness", format!("log {w1}\nquorum none\n"), false),
        ("no log", format!("witness A {w1}\nquorum A\n"), false),
        ("a carriage return", with("quorum none\r\n"), false),
        ("a control character", with("quorum none\u{7f}\n"), false),
        ("a key whose id is of another key", with("quorum none\n").replacen("+", "+0", 1), false),
    ]
}

fn documents() -> Vec<(&'static str, Kind, String, bool)> {
    let pinned = std::fs::read(foreign("drill-bundles.json")).unwrap();
    let pinned: serde_json::Value = serde_json::from_slice(&pinned).unwrap();
    let (bundle, set) = (&pinned[0]["bundle"], &pinned[0]["bundle"]["trustees"]);
    bundles(&jcs_text(bundle)).into_iter().chain(sets(&jcs_text(set))).collect()
}

fn changed(text: &str, from: &str, to: &str) -> String {
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

fn bundles(bundle: &str) -> Vec<(&'static str, Kind, String, bool)> {
    let of_bundle = |from, to| changed(bundle, from, to);
    vec![
        ("a true bundle", Kind::OpeningBundle, bundle.to_owned(), true),
        (
            "a field twice",
            Kind::OpeningBundle,
            of_bundle("\"session\":", "\"session\":\"\",\"session\":"),
            false,
        ),
        (
            "a field twice, the same",
            Kind::OpeningBundle,
            of_bundle(",\"opens_at\":", ",\"manifests\":[],\"opens_at\":"),
            false,
        ),
        (
            "a field twice within",
            Kind::OpeningBundle,
            of_bundle("\"lot\":\"canary\"", "\"lot\":\"1\",\"lot\":\"canary\""),
            false,
        ),
        ("a field twice in the set", Kind::OpeningBundle, of_bundle("\"t\":2", "\"t\":1,\"t\":2"), false),
        ("a space", Kind::OpeningBundle, of_bundle("{", "{ "), false),
        ("a line end", Kind::OpeningBundle, format!("{bundle}\n"), false),
        ("an escape that nobody needs", Kind::OpeningBundle, of_bundle("\"typ\"", "\"\\u0074yp\""), false),
        ("a number in another form", Kind::OpeningBundle, of_bundle("\"t\":2", "\"t\":2.0"), false),
        (
            "a field that nobody knows",
            Kind::OpeningBundle,
            of_bundle("\"manifests\"", "\"manifest\":1,\"manifests\""),
            false,
        ),
        (
            "a field that nobody knows in a manifest",
            Kind::OpeningBundle,
            of_bundle("\"lock\":{", "\"lock\":{\"a\":1,"),
            false,
        ),
        (
            "a field that nobody knows in the log's part",
            Kind::OpeningBundle,
            of_bundle("\"rotations\":\"\"", "\"rotations\":\"\",\"z\":null"),
            false,
        ),
        ("a text where a number should be", Kind::OpeningBundle, of_bundle("\"t\":2", "\"t\":\"2\""), false),
        (
            "a version that is not there",
            Kind::OpeningBundle,
            of_bundle("opening-bundle/v3", "opening-bundle/v9"),
            false,
        ),
        ("no JSON", Kind::OpeningBundle, bundle[1..].to_owned(), false),
    ]
}

fn sets(set: &str) -> Vec<(&'static str, Kind, String, bool)> {
    let of_set = |from, to| changed(set, from, to);
    vec![
        (
            "no list of members",
            Kind::TrusteeSet,
            "{\"members\":{},\"t\":2,\"tender\":\"T\",\"typ\":\"etrade/trustee-set/v1\"}".into(),
            false,
        ),
        (
            "a member with a field that nobody knows",
            Kind::TrusteeSet,
            of_set("\"hpke\":", "\"h\":\"\",\"hpke\":"),
            false,
        ),
        ("a member without a name", Kind::TrusteeSet, without_org(set), false),
        ("a true set", Kind::TrusteeSet, set.to_owned(), true),
        ("a threshold twice", Kind::TrusteeSet, of_set("\"t\":2", "\"t\":3,\"t\":2"), false),
        ("a member's key twice", Kind::TrusteeSet, of_set("\"hpke\":", "\"hpke\":\"\",\"hpke\":"), false),
        ("all members twice", Kind::TrusteeSet, of_set("\"members\":", "\"members\":[],\"members\":"), false),
        (
            "fields in another order",
            Kind::TrusteeSet,
            of_set("\"typ\":\"etrade/trustee-set/v1\"}", "\"typ\":\"etrade/trustee-set/v1\",\"t\":2}")
                .replacen("\"t\":2,", "", 1),
            false,
        ),
    ]
}

/// The set without the first member's organisation.
fn without_org(set: &str) -> String {
    let (before, rest) = set.split_once("\"org\":\"").unwrap();
    let (_, after) = rest.split_once("\",").unwrap();
    format!("{before}{after}")
}

/// `UPDATE=1` writes the file anew.
#[test]
fn the_command_line_and_the_browser_take_the_same_texts() {
    let path = foreign("trustee-texts.json");
    if std::env::var_os("UPDATE").is_some() {
        let policies = policies().into_iter().map(|(name, text, good)| (name, Kind::Policy, text, good));
        let all = policies.chain(documents());
        let all: Vec<Text> =
            all.map(|(name, kind, text, good)| Text { name: name.into(), kind, text, good }).collect();
        std::fs::write(&path, serde_json::to_string_pretty(&all).unwrap()).unwrap();
    }
    let all: Vec<Text> = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert!(all.len() >= 45, "{}", all.len());
    for one in all {
        assert_eq!(taken(&one), one.good, "{}", one.name);
    }
}

/// Browsers choose the sentence by its code: one that the page does not carry would be shown as the code alone.
#[test]
fn every_sentence_of_what_is_untrue_is_on_the_page_and_in_the_program() {
    let read =
        |path: &str| std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let (locales, page) = (read("locales/opening.yml"), read("templates/opening/_untrue.html"));
    let program = read("src/sealing/untrue.rs");
    let codes: Vec<&str> =
        locales.lines().filter_map(|line| line.strip_prefix("opening.untrue.")?.strip_suffix(':')).collect();
    assert!(codes.len() >= 26, "{codes:?}");
    for code in &codes {
        assert!(page.contains(&format!("data-text-untrue-{code}=")), "{code} is not on the page");
        assert!(program.contains(&format!("=> \"{code}\"")), "{code} is nothing that the program says");
    }
    assert_eq!(page.matches("data-text-untrue-").count(), codes.len());
    assert_eq!(program.matches(" => \"").count(), codes.len(), "a code without a sentence");
}
