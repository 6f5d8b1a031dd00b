//! The bidder's own key: its file under a passphrase, its second holder, its release. The vectors and the opener in Python are
//! from the format page alone.

use super::foreign::{key_file, opener};
use super::{panel, sealed, signer};
use crate::platform::canonical::{jcs, jcs_text};
use crate::platform::digest::b64u;
use crate::platform::moment::Moment;
use crate::sealing::bidder_key::{KeyBundle, KeyBundleTyp, key_of_second, lock_key_file, read_key_file};
use crate::sealing::boxes::{BoxKey, second_box};
use crate::sealing::command::{
    BIDDER_KEY_FILE, BidParameters, CIPHERTEXT_FILE, Keeping, MANIFEST_FILE, ParametersTyp, seal_files,
};
use crate::sealing::context::Mode;
use crate::sealing::document::Bytes;
use crate::sealing::key_file::write_box_key;
use crate::sealing::keys::{Secret, commit_b};
use crate::sealing::manifest::Manifest;
use crate::sealing::release::BidderRelease;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

const VECTORS: &str = include_str!("../../../tests/foreign/bidder-key-vectors.json");
const NOW: Moment = Moment::from_micros(1_900_000_000_000_000);

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    Bytes::parse(value.as_str().unwrap()).unwrap().0
}

#[test]
fn the_key_file_and_the_second_holders_box_are_the_pinned_ones() {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let (given, expect) = (&vectors["given"], &vectors["expect"]);
    let (c, k_b) = (bytes::<32>(&given["c"]), Secret::from_bytes(bytes(&given["k_b"])));
    assert_eq!(commit_b(&c, &k_b), bytes::<32>(&expect["commit_b"]));
    let file = expect["key_file"].as_str().unwrap();
    let words = given["passphrase"].as_str().unwrap();
    let read = read_key_file(file.as_bytes(), words).unwrap();
    assert_eq!((read.k_b.0, read.m.0), (k_b.0, bytes::<32>(&given["m"])));
    let told = read_key_file(file.as_bytes(), "other words").unwrap_err().to_string();
    assert!(told.contains("passphrase"), "{told}");
    // the file is bound to its bid
    let moved = file.replace(given["m"].as_str().unwrap(), given["c"].as_str().unwrap());
    assert!(read_key_file(moved.as_bytes(), words).is_err());
    let holder = BoxKey::from_bytes(&bytes::<32>(&given["holder_private"])).unwrap();
    assert_eq!(holder.public(), bytes::<65>(&expect["holder"]));
    let made = second_box(&c, &k_b, &holder.public()).unwrap();
    assert_eq!(made, bytes::<113>(&expect["second_box"]));
    assert_eq!(holder.open_second(&c, &made).unwrap().0, k_b.0);
    assert!(holder.open_second(&[0; 32], &made).is_err(), "bound to the bid");
}

/// Seals a bid that is locked twice into `folder`, as the command line does.
fn seal_into(folder: &Path, keeping: &Keeping<'_>) -> (super::Panel, Manifest) {
    let panel = panel(2, 3);
    let letter = folder.join("报价.txt");
    fs::write(&letter, "1234567.89").unwrap();
    let parameters = BidParameters {
        ctx: super::context(&panel.set, Mode::Dual),
        fields: vec!["price".into()],
        prev: None,
        trustees: panel.set.clone(),
        typ: ParametersTyp,
        x5c: Vec::new(),
    };
    let form = BTreeMap::from([("price".into(), "1234567.89".into())]);
    let out = folder.join("sealed");
    let bid = seal_files(&parameters, &[letter], form, &signer(), NOW, &out, keeping).unwrap();
    let manifest = Manifest::read(&fs::read(out.join(MANIFEST_FILE)).unwrap()).unwrap();
    assert_eq!(manifest, bid.manifest);
    bid.manifest.check_signature(&bid.signature).unwrap();
    (panel, manifest)
}

/// Has Python open the bid in `folder` with two trustees' keys and `more`.
fn python(folder: &Path, panel: &super::Panel, more: &[&str]) -> (bool, String) {
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        folder.join(name).display().to_string()
    };
    let sealed = |name: &str| folder.join("sealed").join(name).display().to_string();
    let (set, k1, k3) = (
        put("set.json", &jcs(&panel.set)),
        put("k1.json", &key_file(1, &panel.keys[0].boxes)),
        put("k3.json", &key_file(3, &panel.keys[2].boxes)),
    );
    let (manifest, ciphertext) = (sealed(MANIFEST_FILE), sealed(CIPHERTEXT_FILE));
    let mut arguments = vec!["--manifest", &manifest, "--ciphertext", &ciphertext, "--trustees", &set];
    arguments.extend(["--key", &k1, "--key", &k3]);
    arguments.extend(more);
    let run = opener(&arguments);
    (
        run.status.success(),
        format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr)),
    )
}

#[test]
fn python_opens_a_bid_with_the_key_file_and_its_passphrase_or_as_the_second_holder() {
    let folder = tempfile::tempdir().unwrap();
    let holder = BoxKey::random();
    let keeping = Keeping { passphrase: "many hands", second: Some(holder.public()) };
    let (panel, manifest) = seal_into(folder.path(), &keeping);
    let file = folder.path().join("sealed").join(BIDDER_KEY_FILE).display().to_string();
    let (opened, told) =
        python(folder.path(), &panel, &["--bidder-key", &file, "--passphrase", "many hands"]);
    assert!(opened && told.contains("1234567.89"), "{told}");
    let (opened, told) = python(folder.path(), &panel, &["--bidder-key", &file, "--passphrase", "few hands"]);
    assert!(!opened && told.contains("InvalidTag"), "{told}");
    let (opened, told) = python(folder.path(), &panel, &[]);
    assert!(!opened && told.contains("dual"), "{told}");
    let second = folder.path().join("second.json");
    fs::write(&second, key_file(0, &holder)).unwrap();
    let (opened, told) = python(folder.path(), &panel, &["--second", &second.display().to_string()]);
    assert!(opened && told.contains("1234567.89"), "{told}");
    let found = key_of_second(&manifest, &holder).unwrap();
    assert!(manifest.is_bidder_key(&Secret::from_bytes(found.k_b.0)));
    assert!(key_of_second(&manifest, &BoxKey::random()).is_err());
}

#[test]
fn a_holder_releases_only_after_the_opening_time_and_only_its_own_bid() {
    let (panel, session, holder) = (panel(2, 3), BoxKey::random(), BoxKey::random());
    let folder = tempfile::tempdir().unwrap();
    let (_, mine) = seal_into(folder.path(), &Keeping { passphrase: "", second: Some(holder.public()) });
    let file = fs::read(folder.path().join("sealed").join(BIDDER_KEY_FILE)).unwrap();
    let other = sealed(&panel, Mode::Dual);
    let bundle = KeyBundle {
        manifests: vec![other.bid.manifest.clone(), mine.clone()],
        opens_at: NOW,
        session: Bytes(session.public()),
        typ: KeyBundleTyp,
        until: NOW.plus(1),
    };
    let bundle = KeyBundle::read(&jcs(&bundle)).unwrap();
    let release = bundle.release(&file, "", NOW).unwrap();
    assert_eq!(release.open(&mine, &session).unwrap().0, read_key_file(&file, "").unwrap().k_b.0);
    assert!(bundle.release(&file, "", NOW.plus(-1)).unwrap_err().to_string().contains("opening time"));
    let p8 = write_box_key(&holder, "many hands").unwrap();
    assert_eq!(bundle.release(&p8, "many hands", NOW).unwrap().m, release.m);
    let stranger = write_box_key(&BoxKey::random(), "many hands").unwrap();
    assert!(bundle.release(&stranger, "many hands", NOW).unwrap_err().to_string().contains("second holder"));
    let gone = KeyBundle { manifests: vec![other.bid.manifest], ..bundle };
    assert!(gone.release(&file, "", NOW).unwrap_err().to_string().contains("this key file"));
}

#[test]
fn a_short_passphrase_and_a_second_holder_of_a_single_lock_are_refused() {
    let file = sealed(&panel(2, 3), Mode::Dual).bid.bidder_key.unwrap();
    assert!(lock_key_file(&file, "7 chars").is_err());
    let locked = lock_key_file(&file, "8 chars!").unwrap();
    assert_eq!(read_key_file(jcs_text(&locked).as_bytes(), "8 chars!").unwrap().k_b, file.k_b);
    // a manifest of one lock that names a second holder does not read
    let folder = tempfile::tempdir().unwrap();
    let keeping = Keeping { passphrase: "", second: Some(BoxKey::random().public()) };
    let (_, mut manifest) = seal_into(folder.path(), &keeping);
    manifest.ctx.mode = Mode::Trustees;
    manifest.lock.commit_b = None;
    assert!(Manifest::read(&jcs(&manifest)).unwrap_err().to_string().contains("second holder"));
    manifest.lock.second = None;
    Manifest::read(&jcs(&manifest)).unwrap();
}

#[test]
fn a_release_that_python_signed_is_read_opened_and_checked_here() {
    let vectors: Value =
        serde_json::from_str(include_str!("../../../tests/foreign/bidder-release-vectors.json")).unwrap();
    let bids: Value =
        serde_json::from_str(include_str!("../../../tests/foreign/sealed-bid-vectors.json")).unwrap();
    let bid = bids["cases"].as_array().unwrap().iter().find(|bid| bid["name"] == vectors["bid"]).unwrap();
    let manifest = Manifest::read(bid["expect"]["manifest"].as_str().unwrap().as_bytes()).unwrap();
    let text = vectors["release"].as_str().unwrap();
    let release = BidderRelease::read(text.as_bytes()).unwrap();
    assert_eq!(b64u(&release.message()), vectors["message"].as_str().unwrap());
    release.signature.as_ref().unwrap().verify(&release.message()).unwrap();
    let session = BoxKey::from_bytes(&bytes::<32>(&vectors["session_private"])).unwrap();
    assert_eq!(release.open(&manifest, &session).unwrap().0, bytes::<32>(&bid["given"]["k_b"]));
    // the signature speaks of this very box
    let mut other = release.clone();
    other.sealed.0[70] ^= 1;
    assert!(release.signature.as_ref().unwrap().verify(&other.message()).is_err());
    // version 1 has no signature, version 2 has one
    for odd in [
        text.replace("bidder-release/v2", "bidder-release/v1"),
        jcs_text(&BidderRelease { signature: None, ..release }),
    ] {
        assert!(BidderRelease::read(odd.as_bytes()).is_err(), "{odd}");
    }
}
