//! Sealing and opening a bid, beside what the machine's AES-256-GCM and SHA-256 can do in the same minute. Promise:
//! at least 70 % of the bound of one AES and one SHA pass over the bytes (a sealed file is hashed twice, once for the
//! list in `bid.json` and once in its ciphertext slices, so 1.0 can not be reached).
//!
//! `cargo bench --bench sealing`
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::Instant;
use sunbid::platform::digest::sha256;
use sunbid::platform::moment::Moment;
use sunbid::sealing::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use sunbid::sealing::document::{Blob, Bytes};
use sunbid::sealing::manifest::Client;
use sunbid::sealing::seal::{Content, FileToSeal, seal};
use sunbid::sealing::signature::{Signer, SigningKey};
use sunbid::sealing::stream::measure;
use sunbid::sealing::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};

const MIB: usize = 1 << 20;

fn main() {
    println!("{:>8}  {:>10} {:>10} {:>10} {:>7}", "MiB", "seal GB/s", "bound GB/s", "root GB/s", "ratio");
    for size in [16, 64, 256] {
        let bytes = vec![7u8; size * MIB];
        let bound = per_second(bytes.len(), || bound_pass(&bytes));
        let sealed = per_second(bytes.len(), || black_box(sealed_size(&bytes)));
        let root = per_second(bytes.len(), || drop(black_box(measure(bytes.as_slice()))));
        println!("{size:>8}  {sealed:>10.2} {bound:>10.2} {root:>10.2} {:>7.2}", sealed / bound);
    }
}

/// GB/s, best of five.
fn per_second<T>(bytes: usize, mut work: impl FnMut() -> T) -> f64 {
    let best = (0..5)
        .map(|_| {
            let begun = Instant::now();
            black_box(work());
            begun.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    bytes as f64 / best / 1e9
}

/// One AES-256-GCM and one SHA-256 pass, slice by slice, into memory that is already there.
fn bound_pass(bytes: &[u8]) {
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).expect("32 bytes"));
    let mut slice = vec![0; MIB];
    for part in bytes.chunks(MIB) {
        slice.resize(part.len(), 0);
        slice.copy_from_slice(part);
        let nonce = Nonce::assume_unique_for_key([0; 12]);
        let _tag =
            black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), &mut slice).expect("it seals"));
        black_box(sha256(&[&slice]));
    }
}

fn sealed_size(bytes: &[u8]) -> usize {
    let keys: Vec<TrusteeKey> = (1..=3).map(|i| TrusteeKey::generate("BENCH", i).expect("a key").0).collect();
    let members = keys.iter().map(|key| key.member("trustee")).collect();
    let mut set = TrusteeSet { members, t: 2, tender: "BENCH".into(), typ: TrusteeSetTyp };
    keys.iter().for_each(|key| key.sign_set(&mut set).expect("it signs"));
    let ctx = Context {
        bid: Bytes([7; 16]),
        bidder: Bytes([8; 16]),
        envelope: EnvelopeKind::Commercial,
        lot: "1".into(),
        mode: Mode::Trustees,
        origin: "bench.invalid/log".into(),
        rev: 1,
        suite: Suite,
        tender: "BENCH".into(),
        tender_doc: Bytes([9; 32]),
        trustees: Bytes(set.hash()),
        typ: ContextTyp,
    };
    let pair = rcgen::KeyPair::generate().expect("a key");
    let certificate =
        rcgen::CertificateParams::new(vec![]).expect("parameters").self_signed(&pair).expect("a certificate");
    let signing = SigningKey::from_pkcs8(&pair.serialize_der()).expect("a key");
    let signer = Signer::new(signing, vec![Blob(certificate.der().to_vec())]).expect("a signer");
    let source = bytes.to_vec();
    let files = [FileToSeal { name: "bid.pdf".into(), source: &source }];
    let content = Content {
        ctx: &ctx,
        trustees: &set,
        files: &files,
        form: BTreeMap::new(),
        prev: None,
        signer: &signer,
        client: Client { bundle: None, name: "bench".into(), ver: "1".into() },
        created: Moment::from_micros(0),
    };
    let bid = seal(&content, std::io::sink()).expect("it seals");
    bid.manifest.lock.boxes.len()
}
