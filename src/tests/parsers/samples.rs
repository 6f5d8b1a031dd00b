//! Good examples of everything that the parsers read, made by real acts: what property tests change, and what the fuzz
//! targets begin with (`fuzz/seeds`).

use super::checks::{STREAM_AAD, STREAM_KEY};
use crate::account::role::Role;
use crate::account::testing::TestHouse;
use crate::ledger::note::{Note, SignerKey, WitnessKey};
use crate::ledger::tests::timestamp::StampAuthority;
use crate::ledger::{leaf, store as log, tiles, timestamp, witness};
use crate::open_data::evidence::{self, Contents};
use crate::opening::testing::{BidBox, bids_in, wrong_key};
use crate::platform::canonical::jcs;
use crate::platform::database::testing::Engine;
use crate::platform::digest::b64;
use crate::platform::refusal::Fault;
use crate::project::testing::facts;
use crate::recording::testing::sample;
use crate::sealed_bid::drill;
use crate::sealed_bid::testing::{Offer, parameters, seal_offer};
use crate::sealing::bidder_key::lock_key_file;
use crate::sealing::context::EnvelopeKind::Single;
use crate::sealing::document::{Blob, Bytes};
use crate::sealing::keys::Secret;
use crate::sealing::manifest::{BidderKeyFile, BidderKeyTyp};
use crate::sealing::release::OpeningBundle;
use crate::sealing::signature::{Signer, SigningKey};
use crate::sealing::tests::hostile::Hostile;
use crate::sealing::tests::properties::sealed;
use crate::tests::browser::runtime;

/// An example: the family of parsers that must take it, its name, its bytes.
pub struct Sample {
    pub family: &'static str,
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

/// Examples for every family.
pub fn samples() -> Vec<Sample> {
    let mut all = Vec::new();
    let mut add = |family, name, bytes: &[u8]| all.push(Sample { family, name, bytes: bytes.to_vec() });
    of_a_tender(&mut add);
    of_the_log(&mut add);
    of_others(&mut add);
    all
}

type Add<'a> = dyn FnMut(&'static str, &'static str, &[u8]) + 'a;

fn of_a_tender(add: &mut Add<'_>) {
    let house = TestHouse::new(Engine::Sqlite);
    let filled = bids_in(&house, &["1.00", "2.00", "3.00"]);
    let member = house.member(Role::Bidder, "example");
    let given = parameters(&house, &member, filled.lot, Single);
    let (bid, _) = seal_offer(&house, &member, &given, &Offer::priced("4.00"));
    add("envelope", "manifest", &bid.manifest.message()[b"etrade/bid-manifest/v1\n".len()..]);
    let mut old = bid.manifest.clone();
    old.lock.shares = None;
    add("envelope", "manifest-without-commitments", &jcs(&old));
    add("envelope", "signature", &jcs(&bid.signature));
    add("envelope", "context", &jcs(&given.ctx));
    add("envelope", "trustees", &jcs(&given.trustees));
    add("envelope", "parameters", &jcs(&given));
    let signer =
        Signer::new(SigningKey::from_pkcs8(&member.pkcs8).unwrap(), vec![Blob(member.certificate.clone())]);
    let signer = signer.unwrap();
    let hostile = Hostile::begin(&given, &signer);
    let mut archive = hostile.bid.manifest.ctx.hash().to_vec();
    let _ = hostile.rewritten(|plain| archive.extend_from_slice(plain));
    add("archive", "archive", &archive);
    let file = BidderKeyFile { k_b: Bytes([1; 32]), m: Bytes([2; 32]), typ: BidderKeyTyp };
    add("release", "bidder-key", &jcs(&file));
    add("release", "bidder-key-locked", &jcs(&lock_key_file(&file, "many hands").unwrap()));
    filled.close(&house);
    let bundle = filled.bundle(&house, Single);
    add("envelope", "bid-set", &jcs(&bundle.bid_set));
    add("release", "opening-bundle", &jcs(&bundle));
    add("release", "drill-bundle", &jcs(&drill_of(&house, &filled)));
    add("release", "trustee", &jcs(&filled.made(&house, Single, 1)));
    let wrong = wrong_key(&bid.manifest, &bundle.session);
    add("release", "bidder", &jcs(&wrong));
    add("release", "bidder-signed", &jcs(&wrong.signed(&signer).unwrap()));
    filled.release(&house, Single, &[1, 2]);
    filled.open(&house, Single, false).unwrap();
    let contents = Contents { ciphertexts: false, media: false };
    let facts = facts(&house, filled.lot);
    let evidence = evidence::write(&house.house, &facts, contents, runtime().handle(), Vec::new()).unwrap();
    add("evidence", "bundle", &evidence);
    let door = house.door();
    let head = door.read(|db| Ok::<_, Fault>(log::head(db)?.unwrap())).unwrap();
    let entry = door.read(|db| log::entry_at(db, head.size - 1)).unwrap().unwrap();
    let id = crate::platform::id::Id::parse(&entry.id).unwrap();
    let receipt = door.read(|db| door.receipt(db, id)).unwrap();
    add("proofs", "receipt", receipt.to_string().as_bytes());
    add("note", "checkpoint", head.note.as_bytes());
}

fn of_the_log(add: &mut Add<'_>) {
    let (key, cosigner) = (SignerKey::generate("log.example/x"), WitnessKey::generate("w.example/w"));
    let (key, cosigner) = (key.unwrap(), cosigner.unwrap());
    let text = format!("log.example/x\n0\n{}\n", b64(&crate::ledger::tree::empty_root()));
    let note = Note::sign(&text, &[&key]).unwrap();
    let note = note.clone().with(cosigner.cosign(&text, 1_700_000_000));
    add("note", "cosigned", note.to_string().as_bytes());
    add("note", "key", key.verifier().to_string().as_bytes());
    let policy = format!(
        "log {} http://log.example/log/\nwitness W1 {}\nquorum W1\n",
        key.verifier(),
        cosigner.verifier()
    );
    add("note", "policy", policy.as_bytes());
    let request = witness::Request { old: 0, proof: vec![[7; 32], [8; 32]], checkpoint: note };
    add("proofs", "add-checkpoint", request.to_string().as_bytes());
    add(
        "proofs",
        "tile-path",
        tiles::Resource::Tile { level: 1, index: 1_234_067, width: 5 }.path().as_bytes(),
    );
    let entry = leaf::entry(&[7; 32], 70, b"object");
    add("proofs", "leaf", &entry);
    add("proofs", "bundle", &tiles::bundle([entry.as_slice(), b"", b"another"]).unwrap());
}

fn of_others(add: &mut Add<'_>) {
    // the policy that the platform tells is nothing that a trustee believes: the third last member of the log's part
    add("papers", "policy", &[0, 4, 0, 11, 200, 3, 0, 0]);
    add("stream", "short", &sealed(&Secret(STREAM_KEY), STREAM_AAD, b"a few bytes", 4));
    let sum = format!("1048576\nsha256 {}\n0\n", b64(&[9; 32]));
    add("tus_headers", "headers", sum.as_bytes());
    let request = timestamp::Request::new("text");
    let answer = StampAuthority::new().answer(&request.to_der());
    add("timestamp", "token", &request.token(&answer).unwrap());
    let camt = include_bytes!("../../../tests/foreign/iso20022/samples/camt054-deposits.xml");
    add("lists", "camt054", camt);
    let csv = crate::deposit::testing::csv(&[
        "3300111122223333444,99880100000001,B1,in,200000.00,2026-03-20T02:00:00Z,甲公司,6212345,102222000123,某银行"
            .to_owned(),
    ]);
    add("lists", "bank-csv", csv.as_bytes());
    let pool = "registry_id,name,specialities,employer,region,status,phone,former_employers,avoid_units\n\
                E1,张三,A08;A0901,甲公司,210200,active,0411-88881234,丙公司@2024-05-31,戊公司\n";
    add("lists", "pool", pool.as_bytes());
    for (name, of) in [("mp4", "screen-mp4"), ("webm", "vp8-webm")] {
        let mut start = sample(of).concat();
        start.truncate(12_000);
        add("recording", name, &start);
    }
}

/// The example as it is kept for fuzzing: libFuzzer grows inputs up to the largest of them, so large ones are cut. What is
/// behind the cut of an archive is its padding.
pub fn seed(sample: &Sample) -> &[u8] {
    &sample.bytes[..sample.bytes.len().min(SEED_MAX)]
}

/// Bytes of the largest seed.
pub const SEED_MAX: usize = 16 << 10;

/// A sample in the words of a message.
pub fn shown(sample: &Sample) -> String {
    format!("{}/{} ({} bytes)", sample.family, sample.name, sample.bytes.len())
}

/// The papers of the drill that the trustees held.
fn drill_of(house: &TestHouse, filled: &BidBox) -> OpeningBundle {
    let tender = facts(house, filled.lot).tender;
    house.door().read(|db| drill::bundle(house.door(), db, tender)).unwrap()
}
