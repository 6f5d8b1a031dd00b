//! Certificates of outside authorities. OpenSSL makes authorities, keys and certificates, so that nothing of ours judges
//! ours.

use super::role::Role;
use super::signature::{self, LABEL, SignedFields};
use super::testing::{TestHouse, refused};
use super::who::Who;
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64u;
use crate::platform::moment::{Clock, DAY, HOUR};
use crate::platform::random;
use crate::platform::web::Lang;
use crate::tests::browser::{Browser, Seen, Served};
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

on_both_databases! {
    the_certificate_of_a_pinned_authority_is_registered_and_signs
    a_certificate_that_does_not_fit_is_refused_with_the_reason
}

/// A folder in which OpenSSL works.
struct Outside(TempDir);

struct Leaf {
    der: Vec<u8>,
    key: EcdsaKeyPair,
}

impl Outside {
    /// Two authorities, `ours` and `strange`.
    fn new() -> Self {
        let outside = Self(tempfile::tempdir().unwrap());
        std::fs::write(outside.at("leaf.ext"), "extendedKeyUsage=clientAuth\nkeyUsage=digitalSignature\n")
            .unwrap();
        for name in ["ours", "strange"] {
            let subject = format!("/CN={name} CA");
            let (key, root) = (format!("{name}.key"), format!("{name}.pem"));
            let made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc", "-days", "3650"];
            let mut words = vec!["req", "-x509", "-subj", &subject, "-keyout", &key, "-out", &root];
            words.extend(made);
            outside.openssl(&words);
        }
        outside
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn openssl(&self, words: &[&str]) {
        let done = Command::new("openssl").args(words).current_dir(self.0.path()).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A key with a certificate of the authority `ca` for an organisation, valid for 30 days from now.
    fn leaf(&self, ca: &str, code: &str) -> Leaf {
        let subject = format!("/CN=李四/O=某某有限公司/serialNumber={code}");
        let (root, signer) = (format!("{ca}.pem"), format!("{ca}.key"));
        self.openssl(&[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-noenc",
            "-utf8",
            "-subj",
            &subject,
            "-keyout",
            "leaf.key",
            "-out",
            "leaf.csr",
        ]);
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            "leaf.csr",
            "-CA",
            &root,
            "-CAkey",
            &signer,
            "-CAcreateserial",
            "-days",
            "30",
            "-extfile",
            "leaf.ext",
            "-outform",
            "DER",
            "-out",
            "leaf.der",
        ]);
        let convert =
            ["pkcs8", "-topk8", "-nocrypt", "-in", "leaf.key", "-outform", "DER", "-out", "leaf.p8"];
        self.openssl(&convert);
        let pkcs8 = std::fs::read(self.at("leaf.p8")).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8, &random::source()).unwrap();
        Leaf { der: std::fs::read(self.at("leaf.der")).unwrap(), key }
    }

    /// A centre that accepts certificates of `ours` only; it is an hour from now: OpenSSL lives in the
    /// present, and its certificates must have begun.
    fn house(&self, engine: Engine) -> TestHouse {
        let roots = self.at("ours.pem").display().to_string();
        let house = TestHouse::configured(engine, |config| config.ca_roots = roots);
        house.clock.move_to(Clock::real().now().plus(HOUR));
        house
    }
}

impl Leaf {
    fn sign(&self, message: &[u8]) -> String {
        b64u(self.key.sign(&random::source(), message).unwrap().as_ref())
    }

    /// Presents the certificate as the browser module does, with a proof over `challenge`.
    fn present(&self, browser: &mut Browser, who: &Who, challenge: &str) -> Seen {
        let proof = self.sign(format!("etrade/certificate/v1\n{}\n{challenge}", who.person).as_bytes());
        let certificate = b64u(&self.der);
        browser.post("/account/key/certificate", &[("certificate", &certificate), ("proof", &proof)])
    }
}

fn says(seen: &Seen, key: &str) {
    let sentence = Lang::Chinese.t(key);
    let beginning = sentence.split("%{").next().unwrap();
    assert!(seen.text().contains(beginning), "{key} is not in {}", seen.text());
}

fn the_certificate_of_a_pinned_authority_is_registered_and_signs(engine: Engine) {
    let outside = Outside::new();
    let house = outside.house(engine);
    let who = house.registered(Role::Bidder, "lisi", "李四", "某某有限公司");
    let leaf = outside.leaf("ours", &who.credit_code);
    let served = Served::start(house);
    let mut browser = served.browser_of(&who);
    let page = browser.get("/account/key").expect_status(200).text();
    assert!(page.contains("data-key-present") && !page.contains("data-key-make"), "{page}");
    let challenge = browser.csrf.clone();
    leaf.present(&mut browser, &who, &challenge).expect_status(201);
    assert!(browser.get("/account/key").expect_status(200).text().contains("有效"));
    let fields = SignedFields {
        statement: "投标".into(),
        signature: leaf.sign(&[LABEL, "投标".as_bytes()].concat()),
        certificate: b64u(&leaf.der),
    };
    let (door, authority) = (served.house.door(), served.house.authority());
    let check = |now| door.read(|db| signature::check(db, authority, &who, now, "投标", &fields));
    check(door.now()).unwrap();
    assert_eq!(refused(check(door.now().plus(31 * DAY))).key, "account.refusal.certificate");
    // from another browser, with the same file
    let mut second = served.browser_of(&who);
    let challenge = second.csrf.clone();
    leaf.present(&mut second, &who, &challenge).expect_status(201);
    assert_eq!(door.read(|db| super::store::certificates(db, who.person)).unwrap().len(), 1);
}

fn a_certificate_that_does_not_fit_is_refused_with_the_reason(engine: Engine) {
    let outside = Outside::new();
    let house = outside.house(engine);
    let who = house.registered(Role::Bidder, "lisi", "李四", "某某有限公司");
    let colleague = house.registered(Role::Bidder, "wangwu", "王五", "另一有限公司");
    let served = Served::start(house);
    let mut browser = served.browser_of(&who);
    let challenge = browser.csrf.clone();
    let stranger = outside.leaf("strange", &who.credit_code);
    says(&stranger.present(&mut browser, &who, &challenge).expect_status(422), "account.refusal.certificate");
    let other = outside.leaf("ours", &colleague.credit_code);
    says(&other.present(&mut browser, &who, &challenge).expect_status(422), "account.refusal.other_subject");
    let own = outside.leaf("ours", &who.credit_code);
    let stolen = Leaf { der: own.der.clone(), key: stranger.key };
    for (leaf, challenge) in [(&stolen, challenge.as_str()), (&own, "of another session")] {
        says(&leaf.present(&mut browser, &who, challenge).expect_status(422), "account.refusal.signature");
    }
    let malformed = browser.post("/account/key/certificate", &[("certificate", "?"), ("proof", "?")]);
    says(&malformed.expect_status(422), "account.refusal.key");
    let made_here =
        browser.post("/account/key", &[("public_key", &b64u(&[4; 65])), ("proof", &b64u(&[0; 64]))]);
    assert_ne!(made_here.status, 201, "this centre certifies nobody");
    served.house.clock.move_to(served.house.door().now().plus(31 * DAY));
    let mut browser = served.browser_of(&who);
    let challenge = browser.csrf.clone();
    says(&own.present(&mut browser, &who, &challenge).expect_status(422), "account.refusal.certificate");
    assert!(served.house.door().read(|db| super::store::certificates(db, who.person)).unwrap().is_empty());
}
