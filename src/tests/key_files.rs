//! Keys and bids that leave this house: key files that the program writes are taken by real browsers, and a bid that a
//! browser sealed is opened by Python with those keys, with none of our code.

use super::browser::Served;
use super::real_browser::walk;
use crate::account::role::Role;
use crate::account::testing::{Member, TestHouse};
use crate::announcement::testing::published_by;
use crate::opening::store::closing;
use crate::platform::canonical::jcs;
use crate::platform::database::testing::Engine;
use crate::project::rules::Lot;
use crate::project::testing::{Shape, facts, staff};
use crate::sealed_bid::ciphertext::reader;
use crate::sealed_bid::store::{counted, parts};
use crate::sealed_bid::testing::{Offer, bid};
use crate::sealed_bid::trustees_store::complete_set;
use crate::sealing::boxes::BoxKey;
use crate::sealing::context::EnvelopeKind;
use crate::sealing::key_file::write_box_key;
use crate::sealing::tests::foreign::{key_file, opener};
use std::fs;
use std::io::Read;
use std::path::Path;

const PASSPHRASE: &str = "sunbid-demo";

#[test]
fn a_bid_sealed_in_a_browser_opens_with_key_files_in_browsers_and_in_python() {
    let house = TestHouse::new(Engine::Sqlite);
    let staff = staff(&house);
    let lot = published_by(&house, &staff, &Shape::default());
    house.member(Role::Bidder, "bidder");
    let others = [house.member(Role::Bidder, "other1"), house.member(Role::Bidder, "other2")];
    let folder = tempfile::tempdir().unwrap();
    // the second and the third of the set
    let holders = [("entity", &staff.entity), ("supervisor", &staff.supervisor)];
    let keys: Vec<BoxKey> = holders.iter().map(|_| BoxKey::random()).collect();
    for ((login, member), key) in holders.iter().zip(&keys) {
        write_files(folder.path(), login, member, key);
    }
    let served = Served::start(house);
    walk("key_files.mjs", &served, |question| {
        let house = &served.house;
        match question.split_once(' ').unwrap_or((question, "")) {
            ("at", time) => house.at(time),
            ("account", login) => return folder.path().join(format!("{login}.p12")).display().to_string(),
            ("box", login) => return folder.path().join(format!("{login}.p8")).display().to_string(),
            ("others", _) => {
                for (member, price) in others.iter().zip(["9500000.00", "9600000.00"]) {
                    bid(house, member, lot, EnvelopeKind::Single, &Offer::priced(price)).unwrap();
                }
            }
            _ => panic!("the walk asked: {question}"),
        }
        "done".into()
    });
    opened_by_python(&served.house, lot, &keys, folder.path());
}

fn write_files(folder: &Path, login: &str, member: &Member, key: &BoxKey) {
    fs::write(folder.join(format!("{login}.p12")), member.key_file(PASSPHRASE)).unwrap();
    fs::write(folder.join(format!("{login}.p8")), write_box_key(key, PASSPHRASE).unwrap()).unwrap();
}

/// Hands manifest, signature, ciphertext and trustee set as they are stored to Python, with two of the trustees' keys.
fn opened_by_python(house: &TestHouse, lot: crate::platform::id::Id<Lot>, keys: &[BoxKey], folder: &Path) {
    let (vault, tender) = (house.door().vault().clone(), facts(house, lot).tender);
    let found = house.door().read(|db| {
        let size = closing(db, lot)?.expect("the box was closed").size;
        let bids = counted(db, &vault, lot, EnvelopeKind::Single, size)?;
        let sealed = bids.into_iter().find(|bid| bid.manifest.client.name == "sunbid-browser");
        let sealed = sealed.expect("a bid that was sealed in the browser");
        let (set, parts) = (complete_set(db, tender)?.expect("a set"), parts(db, sealed.upload)?);
        Ok::<_, crate::platform::refusal::Fault>((sealed, set, parts))
    });
    let (sealed, set, parts) = found.unwrap();
    let mut ciphertext = Vec::new();
    reader(house.door().files().clone(), parts).unwrap().read_to_end(&mut ciphertext).unwrap();
    let put = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        folder.join(name).display().to_string()
    };
    let arguments = [
        ("--manifest", put("manifest.json", &jcs(&sealed.manifest))),
        ("--signature", put("signature.json", &jcs(&sealed.signature))),
        ("--ciphertext", put("bid.sealed", &ciphertext)),
        ("--trustees", put("set.json", &jcs(&set))),
        ("--key", put("k2.json", &key_file(2, &keys[0]))),
        ("--key", put("k3.json", &key_file(3, &keys[1]))),
        ("--out", folder.join("opened").display().to_string()),
    ];
    let arguments: Vec<&str> = arguments.iter().flat_map(|(name, value)| [*name, value.as_str()]).collect();
    let run = opener(&arguments);
    let told = format!("{}{}", String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{told}");
    assert!(told.contains("9876543.21") && told.contains("施工组织设计.pdf"), "{told}");
    let file = fs::read(folder.join("opened/f-0001")).unwrap();
    assert_eq!(file.len(), 3_000_000);
    assert!(file.starts_with("阳光交易 sunbid ".as_bytes()));
}
