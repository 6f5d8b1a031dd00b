//! The command line's functions, on real files and a real PKCS#12 key.

use super::{context, panel, signer};
use crate::platform::canonical::jcs;
use crate::platform::moment::Moment;
use crate::sealing::command::*;
use crate::sealing::context::Mode;
use crate::sealing::document::Bytes;
use crate::sealing::manifest::Manifest;
use crate::sealing::signature::{Signer, SigningKey};
use crate::sealing::trustees::{Member, TrusteeKey, TrusteeSet, TrusteeSetTyp};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const NOW: Moment = Moment::from_micros(1_800_000_000_000_000);

fn pkcs12(password: &str) -> (Vec<u8>, Vec<u8>) {
    use p12_keystore::{Certificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain};
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = rcgen::CertificateParams::new(vec![]).unwrap().self_signed(&key).unwrap();
    let der = certificate.der().to_vec();
    let chain = PrivateKeyChain::new(
        vec![1u8, 2, 3],
        PrivateKey::from_der(&key.serialize_der()).unwrap(),
        [Certificate::from_der(&der).unwrap()],
    );
    let mut store = KeyStore::new();
    store.add_entry("bidder", KeyStoreEntry::PrivateKeyChain(chain));
    (store.writer(password).write().unwrap(), der)
}

fn parameters(set: &TrusteeSet, mode: Mode) -> BidParameters {
    let parameters = BidParameters {
        ctx: context(set, mode),
        fields: vec!["price".into()],
        prev: None,
        trustees: set.clone(),
        typ: ParametersTyp,
        x5c: vec![],
    };
    BidParameters::read(&jcs(&parameters)).unwrap()
}

fn seal_into(folder: &Path, set: &TrusteeSet, mode: Mode, signer: &Signer) {
    fs::write(folder.join("报价.txt"), "1234567.89").unwrap();
    let form = BTreeMap::from([("price".to_owned(), "1234567.89".to_owned())]);
    let files = [folder.join("报价.txt")];
    seal_files(
        &parameters(set, mode),
        &files,
        form,
        signer,
        NOW,
        &folder.join("sealed"),
        &Keeping::default(),
    )
    .unwrap();
}

/// Trustees make keys, sign the set; the bidder seals with a PKCS#12 key; two trustees open. All through files.
#[test]
fn a_bid_goes_through_the_command_line_from_keys_to_opened_files() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let members: Vec<Member> = (1..=3)
        .map(|i| {
            let line = new_trustee_key("TEST-1", i, &format!("机构{i}"), &at(&format!("k{i}.json"))).unwrap();
            serde_json::from_slice(&line).unwrap()
        })
        .collect();
    let keys: Vec<Vec<u8>> = (1..=3).map(|i| fs::read(at(&format!("k{i}.json"))).unwrap()).collect();
    let mut set = jcs(&TrusteeSet { members, t: 2, tender: "TEST-1".into(), typ: TrusteeSetTyp });
    for key in &keys {
        assert!(TrusteeSet::read(&set).is_err(), "not all have signed");
        set = sign_trustee_set(&set, TrusteeFiles { key, passphrase: "", signer: None }).unwrap().0;
    }
    let (p12, _) = pkcs12("secret");
    assert!(read_pkcs12(&p12, "wrong").is_err());
    let signer = read_pkcs12(&p12, "secret").unwrap();
    seal_into(folder.path(), &TrusteeSet::read(&set).unwrap(), Mode::Dual, &signer);

    let read = |name: &str| fs::read(at("sealed").join(name)).unwrap();
    let (manifest, bidder_key) = (read(MANIFEST_FILE), read(BIDDER_KEY_FILE));
    let (ciphertext, out) = (at("sealed").join(CIPHERTEXT_FILE), at("opened"));
    let opening = |keys, bidder_key| OfflineOpening {
        manifest: &manifest,
        ciphertext: &ciphertext,
        trustees: &set,
        keys,
        passphrase: "",
        bidder_key,
        out: &out,
    };
    assert!(open_bid(&opening(&keys[..1], Some(bidder_key.as_slice()))).is_err());
    assert!(open_bid(&opening(&keys[1..], None)).is_err());
    assert!(!out.exists());
    let opened = open_bid(&opening(&keys[1..], Some(bidder_key.as_slice()))).unwrap();
    assert_eq!(opened.form()["price"], "1234567.89");
    assert_eq!(fs::read_to_string(out.join("f-0001")).unwrap(), "1234567.89");
    assert!(out.join("bid.json").exists());
    assert!(
        open_bid(&opening(&keys[1..], Some(bidder_key.as_slice()))).is_err(),
        "never over an older opening"
    );
}

#[test]
fn a_failed_opening_leaves_no_file_behind() {
    let (panel, folder) = (panel(2, 3), tempfile::tempdir().unwrap());
    seal_into(folder.path(), &panel.set, Mode::Trustees, &signer());
    let sealed = folder.path().join("sealed");
    let ciphertext = sealed.join(CIPHERTEXT_FILE);
    let mut bytes = fs::read(&ciphertext).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&ciphertext, bytes).unwrap();
    let manifest = fs::read(sealed.join(MANIFEST_FILE)).unwrap();
    let keys: Vec<Vec<u8>> = panel.keys.iter().map(key_file).collect();
    let opening = OfflineOpening {
        manifest: &manifest,
        ciphertext: &ciphertext,
        trustees: &jcs(&panel.set),
        keys: &keys,
        passphrase: "",
        bidder_key: None,
        out: &folder.path().join("opened"),
    };
    assert!(open_bid(&opening).is_err());
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

/// Rebuilds a key file from keys made in the test; the signing key is not needed to open.
fn key_file(key: &TrusteeKey) -> Vec<u8> {
    let (_, pkcs8) = SigningKey::generate().unwrap();
    jcs(&crate::sealing::trustees::TrusteeKeyFile {
        hpke_private: Bytes(key.boxes.to_bytes().0),
        i: key.i,
        sign_private: crate::sealing::document::Blob(pkcs8.to_vec()),
        tender: key.tender.clone(),
        typ: crate::sealing::trustees::TrusteeKeyTyp,
    })
}

#[test]
fn sealing_refuses_a_missing_field_a_second_bid_in_the_folder_and_a_foreign_certificate() {
    let (panel, folder) = (panel(2, 3), tempfile::tempdir().unwrap());
    let (files, out) = ([folder.path().join("报价.txt")], folder.path().join("sealed"));
    seal_into(folder.path(), &panel.set, Mode::Trustees, &signer());
    let seal = |form| {
        seal_files(
            &parameters(&panel.set, Mode::Trustees),
            &files,
            form,
            &signer(),
            NOW,
            &out,
            &Keeping::default(),
        )
    };
    assert!(seal(BTreeMap::new()).unwrap_err().to_string().contains("price"));
    assert!(
        seal(BTreeMap::from([("price".into(), "1".into())])).unwrap_err().to_string().contains("bid.sealed")
    );
    let (_, der) = pkcs12("");
    let other = SigningKey::generate().unwrap().0;
    assert!(Signer::new(other, vec![crate::sealing::document::Blob(der)]).is_err());
}

/// A trustee with the two files that a browser's backups are: both kinds of key open the same boxes.
#[test]
fn an_encrypted_box_key_and_an_account_key_do_a_trustees_whole_work() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let names = ["k1.p8", "k2.p8", "k3.p8"];
    let signers: Vec<Vec<u8>> = names.iter().map(|_| pkcs12("mine").0).collect();
    let signer = |i: usize| Some(read_pkcs12(&signers[i], "mine").unwrap());
    let member = |(i, name): (usize, &&str)| Member {
        hpke: Bytes(new_box_key("many hands", &at(name)).unwrap()),
        i: i as u8 + 1,
        org: format!("机构{i}"),
        sig: Bytes([0; 64]),
        sign: signer(i).unwrap().key.point(),
    };
    let members = names.iter().enumerate().map(member).collect();
    let keys: Vec<Vec<u8>> = names.iter().map(|name| fs::read(at(name)).unwrap()).collect();
    let files = |i: usize, passphrase| TrusteeFiles { key: &keys[i], passphrase, signer: signer(i) };
    let mut set = jcs(&TrusteeSet { members, t: 2, tender: "TEST-1".into(), typ: TrusteeSetTyp });
    let refused = |files| sign_trustee_set(&set, files).unwrap_err().to_string();
    assert!(refused(files(0, "one hand")).contains("passphrase"));
    assert!(refused(TrusteeFiles { signer: None, ..files(0, "many hands") }).contains("PKCS#12"));
    let others = TrusteeFiles { signer: signer(1), ..files(0, "many hands") };
    assert!(refused(others).contains("keys of trustee 1"), "the account's key is another's");
    for i in 0..3 {
        set = sign_trustee_set(&set, files(i, "many hands")).unwrap().0;
    }
    let set_read = TrusteeSet::read(&set).unwrap();
    seal_into(folder.path(), &set_read, Mode::Trustees, &read_pkcs12(&signers[0], "mine").unwrap());
    let opened = open_bid(&OfflineOpening {
        manifest: &fs::read(at("sealed").join(MANIFEST_FILE)).unwrap(),
        ciphertext: &at("sealed").join(CIPHERTEXT_FILE),
        trustees: &set,
        keys: &keys[1..],
        passphrase: "many hands",
        bidder_key: None,
        out: &at("opened"),
    });
    assert_eq!(opened.unwrap().form()["price"], "1234567.89");
}

/// OpenSSL judges the key file that the browser judges its own by (`browser/test/keys.test.ts`).
#[test]
fn openssl_reads_our_box_key_and_we_read_openssls() {
    use crate::sealing::key_file::{read_box_key, write_box_key};
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let openssl = |arguments: &[&str]| {
        let run = std::process::Command::new("openssl").args(arguments).output();
        let run = run.expect("openssl runs: apt-get install openssl");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    };
    let key = crate::sealing::boxes::BoxKey::random();
    fs::write(at("ours.p8"), write_box_key(&key, "密码 pass").unwrap()).unwrap();
    let (ours, plain, theirs) = (at("ours.p8"), at("plain.pem"), at("theirs.p8"));
    openssl(&["pkcs8", "-inform", "DER", "-in", &ours, "-passin", "pass:密码 pass", "-out", &plain]);
    let again = ["-topk8", "-v2", "aes-256-cbc", "-v2prf", "hmacWithSHA256", "-passout", "pass:other"];
    openssl(&[&["pkcs8", "-in", &plain, "-outform", "DER", "-out", &theirs], again.as_slice()].concat());
    let read = read_box_key(&fs::read(theirs).unwrap(), "other").unwrap();
    assert_eq!(read.public(), key.public());
    assert!(read_box_key(b"no key", "other").unwrap_err().to_string().contains(".p8"));
}

/// What a bidder tries before the bid is handed in: the files are the very ones that opened when they were sealed.
#[test]
fn a_sealed_bid_in_a_folder_is_checked_before_it_is_handed_in() {
    let folder = tempfile::tempdir().unwrap();
    let (panel, mode) = (panel(2, 3), Mode::Dual);
    seal_into(folder.path(), &panel.set, mode, &signer());
    let sealed = folder.path().join("sealed");
    let parameters = parameters(&panel.set, mode);
    let checked = check_files(&parameters, &sealed, "").unwrap();
    assert_eq!((checked.manifest.lock.t, checked.signer.len()), (2, 1));

    let other = BidParameters { ctx: super::context(&panel.set, Mode::Trustees), ..parameters.clone() };
    assert!(check_files(&other, &sealed, "").is_err(), "other parameters");
    for name in [CIPHERTEXT_FILE, MANIFEST_FILE, SIGNATURE_FILE, BIDDER_KEY_FILE] {
        let path = sealed.join(name);
        let good = fs::read(&path).unwrap();
        let mut bad = good.clone();
        // inside a value that counts: the JSON files stay JSON where a letter changes
        let value = bad.windows(7).position(|text| text == b"\"sig\":\"");
        let at = value.map_or(bad.len() - 40, |at| at + 20);
        bad[at] = if bad[at] == b'A' { b'B' } else { b'A' };
        fs::write(&path, bad).unwrap();
        assert!(check_files(&parameters, &sealed, "").is_err(), "{name}");
        fs::remove_file(&path).unwrap();
        assert!(check_files(&parameters, &sealed, "").is_err(), "no {name}");
        fs::write(&path, good).unwrap();
    }
    check_files(&parameters, &sealed, "").unwrap();
}

/// A bid that an older program sealed is found before it is handed in, however well it is signed.
#[test]
fn a_bid_without_share_commitments_is_to_be_sealed_again() {
    let folder = tempfile::tempdir().unwrap();
    let (panel, mode, signer) = (panel(2, 3), Mode::Trustees, signer());
    seal_into(folder.path(), &panel.set, mode, &signer);
    let sealed = folder.path().join("sealed");
    let mut manifest = Manifest::read(&fs::read(sealed.join(MANIFEST_FILE)).unwrap()).unwrap();
    manifest.lock.shares = None;
    fs::write(sealed.join(MANIFEST_FILE), jcs(&manifest)).unwrap();
    fs::write(sealed.join(SIGNATURE_FILE), jcs(&signer.sign(&manifest.message()).unwrap())).unwrap();
    let why = check_files(&parameters(&panel.set, mode), &sealed, "").unwrap_err().to_string();
    assert!(why.contains("sealed by an older program"), "{why}");
}

/// Sealing opens what it wrote before it signs; a disk that keeps other bytes is noticed, and so are wrong boxes.
#[test]
fn what_was_written_is_opened_again_before_it_is_signed() {
    use crate::sealing::{keys::Draw, trial::open_again};
    let panel = panel(3, 5);
    let draw = Draw::fresh(Mode::Dual);
    let sealed =
        super::seal_with(&panel.set, &context(&panel.set, Mode::Dual), &[("a", vec![1; 3 << 20])], draw);
    let again = |bid: &super::SealedBid, bytes: &[u8]| open_again(bid, &sealed.draw, &panel.set, bytes);
    assert_eq!(again(&sealed.bid, &sealed.ciphertext).unwrap().files.len(), 1);
    for at in [50, 1 << 20, sealed.ciphertext.len() - 1] {
        let mut other = sealed.ciphertext.clone();
        other[at] ^= 1;
        assert!(again(&sealed.bid, &other).is_err(), "byte {at}");
    }
    assert!(again(&sealed.bid, &sealed.ciphertext[..2 << 20]).is_err());
    let another = Draw::fresh(Mode::Dual);
    assert!(open_again(&sealed.bid, &another, &panel.set, sealed.ciphertext.as_slice()).is_err());
}
