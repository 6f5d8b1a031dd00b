//! Who signed a notice, and who certified that: command line and browsers judge the same certificates alike
//! (`tests/foreign/signer-certificates.json`, read here and by `browser/test/certificates.test.ts`). OpenSSL made them.

use super::authority::Authority;
use crate::platform::digest::{b64u, from_b64u};
use crate::platform::moment::{Moment, SECOND};
use crate::platform::pem::certificates;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// One certificate, and whether it counts at that moment under the roots of that file.
#[derive(Serialize, Deserialize)]
struct Case {
    name: String,
    /// The bytes of a file, PEM or DER.
    roots: String,
    certificate: String,
    at: Moment,
    good: bool,
}

fn counts(case: &Case) -> bool {
    let file = from_b64u(&case.roots).unwrap();
    let found = certificates(&file);
    let roots = if found.is_empty() { vec![file] } else { found };
    Authority::of_roots(roots).check(&from_b64u(&case.certificate).unwrap(), case.at).is_ok()
}

/// A folder in which OpenSSL works.
struct Workshop(tempfile::TempDir);

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";
const PERSON: &str = "/CN=李四/O=某某有限公司/serialNumber=91330100MA27XXXX1A";

impl Workshop {
    fn openssl(&self, words: &str) {
        let done =
            Command::new("openssl").args(words.split(' ')).current_dir(self.0.path()).output().unwrap();
        assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.0.path().join(name)).unwrap()
    }

    /// A root named `subject` in `name.pem`; gives the PEM.
    fn root(&self, name: &str, subject: &str, key: &str) -> Vec<u8> {
        let made = format!("-newkey {key} -noenc -days 3650 -keyout {name}.key -out {name}.pem");
        self.openssl(&format!("req -x509 -subj /CN={subject} {made}"));
        self.read(&format!("{name}.pem"))
    }

    /// A certificate of `ca` with these extensions, for a person with a key of this kind; DER.
    fn leaf(&self, ca: &str, subject: &str, key: &str, extensions: &str) -> Vec<u8> {
        fs::write(self.0.path().join("ext"), extensions).unwrap();
        let asked = format!("req -new -utf8 -newkey {key} -noenc -keyout leaf.key -out leaf.csr");
        self.openssl(&format!("{asked} -subj {subject}"));
        let signed = format!("x509 -req -in leaf.csr -CA {ca}.pem -CAkey {ca}.key -CAcreateserial -days 30");
        self.openssl(&format!("{signed} -extfile ext -outform DER -out leaf.der"));
        self.read("leaf.der")
    }
}

/// First and last second of a certificate.
fn term(der: &[u8]) -> (Moment, Moment) {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).unwrap();
    let moment = |seconds: i64| Moment::from_micros(seconds * SECOND);
    let validity = certificate.validity();
    (moment(validity.not_before.timestamp()), moment(validity.not_after.timestamp()))
}

fn cases() -> Vec<Case> {
    let shop = Workshop(tempfile::tempdir().unwrap());
    let ours = shop.root("ours", "CA", P256);
    let same_name = shop.root("same", "CA", P256);
    let strange = shop.root("strange", "Strange", P256);
    let usual = "extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\nbasicConstraints=critical,CA:FALSE\n";
    let good = shop.leaf("ours", PERSON, P256, usual);
    let (from, until) = term(&good);
    let der = certificates(&ours).remove(0);
    let mut all = Vec::new();
    let mut add = |name: &str, roots: &[u8], certificate: &[u8], at: Moment, good: bool| {
        let (roots, certificate) = (b64u(roots), b64u(certificate));
        all.push(Case { name: name.into(), roots, certificate, at, good });
    };
    add("of the root", &ours, &good, from, true);
    add("of the root as DER", &der, &good, from, true);
    add("of the second root of a file", &[&strange[..], &ours].concat(), &good, from, true);
    add("of two roots with one name", &[&same_name[..], &ours].concat(), &good, from, true);
    let renewed = shop.root("renewed", "CA", "rsa:2048");
    add(
        "of a root behind one of another kind with its name",
        &[&renewed[..], &ours].concat(),
        &good,
        from,
        true,
    );
    add("in its last second", &ours, &good, until.plus(SECOND - 1), true);
    add("a second too early", &ours, &good, from.plus(-SECOND), false);
    add("a second too late", &ours, &good, until.plus(SECOND), false);
    add("of another root", &strange, &good, from, false);
    add("of another root with the same name", &same_name, &good, from, false);
    let mut bent = good.clone();
    *bent.last_mut().unwrap() ^= 1;
    add("with another signature", &ours, &bent, from, false);
    for (name, extensions, counts) in [
        ("without purposes", "keyUsage=digitalSignature\n", true),
        ("for several purposes", "extendedKeyUsage=emailProtection,clientAuth\n", true),
        ("for another purpose", "extendedKeyUsage=serverAuth\n", false),
        ("of an authority", "basicConstraints=critical,CA:TRUE\n", false),
        ("with a note that nobody knows", "1.2.3.4=ASN1:UTF8String:x\n", true),
        ("with a demand that nobody knows", "1.2.3.4=critical,ASN1:UTF8String:x\n", false),
    ] {
        let leaf = shop.leaf("ours", PERSON, P256, extensions);
        add(name, &ours, &leaf, term(&leaf).0, counts);
    }
    let nameless = shop.leaf("ours", "/CN=李四/O=某某有限公司", P256, usual);
    add("without a credit code", &ours, &nameless, term(&nameless).0, false);
    let larger = shop.leaf("ours", PERSON, "ec -pkeyopt ec_paramgen_curve:P-384", usual);
    add("of a key on another curve", &ours, &larger, term(&larger).0, false);
    for (name, key, counts) in [
        ("of a root on P-384", "ec -pkeyopt ec_paramgen_curve:P-384", true),
        ("of an RSA root", "rsa:2048", true),
        ("of a small RSA root", "rsa:1024", false),
        ("of an Ed25519 root", "ed25519", true),
    ] {
        let root = shop.root("other", "Other", key);
        let leaf = shop.leaf("other", PERSON, P256, usual);
        add(name, &root, &leaf, term(&leaf).0, counts);
    }
    all
}

fn pinned() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/signer-certificates.json")
}

/// `UPDATE=1` makes the certificates anew.
#[test]
fn the_pinned_certificates_of_signers_are_judged_as_they_were() {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(pinned(), serde_json::to_string_pretty(&cases()).unwrap()).unwrap();
    }
    let all: Vec<Case> = serde_json::from_slice(&fs::read(pinned()).unwrap()).unwrap();
    assert!(all.len() >= 22, "{}", all.len());
    for case in all {
        assert_eq!(counts(&case), case.good, "{}", case.name);
    }
}
