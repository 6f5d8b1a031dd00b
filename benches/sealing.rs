//! Sealing a bid, beside what one core of the machine does in one AES-256-GCM and one SHA-256 pass over the bytes,
//! measured in turn in the same minute. Promise: at least 70 % of that. A file is hashed twice (for the list in
//! `bid.json` and in its ciphertext slices), and the first of these can not be split; all the rest uses every core.
//!
//! `cargo bench --bench sealing`
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{Seek, SeekFrom, Write};
use std::time::Instant;
use sunbid::platform::digest::sha256;
use sunbid::platform::moment::Moment;
use sunbid::sealing::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use sunbid::sealing::document::{Blob, Bytes};
use sunbid::sealing::manifest::Client;
use sunbid::sealing::seal::{Content, FileToSeal, SealedBid, seal};
use sunbid::sealing::signature::{Signer, SigningKey};
use sunbid::sealing::stream::measure;
use sunbid::sealing::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};

const MIB: usize = 1 << 20;
const ROUNDS: usize = 5;

fn main() {
    println!("{:>8}  {:>10} {:>10} {:>10} {:>7}", "MiB", "seal GB/s", "bound GB/s", "root GB/s", "ratio");
    for size in [16, 64, 256] {
        let case = Case::new(vec![7u8; size * MIB]);
        let bytes = &case.bytes;
        let mut best = [0.0; 3];
        // in turn, so that a busy minute of the machine falls on all three
        for _ in 0..ROUNDS {
            let now = [
                per_second(bytes.len(), || bound_pass(bytes)),
                per_second(bytes.len(), || drop(black_box(case.seal()))),
                per_second(bytes.len(), || drop(black_box(measure(bytes.as_slice())))),
            ];
            best.iter_mut().zip(now).for_each(|(best, now)| *best = f64::max(*best, now));
        }
        let [bound, sealed, root] = best;
        println!("{size:>8}  {sealed:>10.2} {bound:>10.2} {root:>10.2} {:>7.2}", sealed / bound);
    }
}

/// GB/s.
fn per_second(bytes: usize, work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    bytes as f64 / begun.elapsed().as_secs_f64() / 1e9
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

/// Where the ciphertext goes: nowhere, so that the disk is not measured.
struct Nowhere(u64);

impl Write for Nowhere {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Seek for Nowhere {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        if let SeekFrom::Start(at) = to {
            self.0 = at;
        }
        Ok(self.0)
    }
}

/// Everything that a sealing needs, made before the watch runs.
struct Case {
    bytes: Vec<u8>,
    trustees: TrusteeSet,
    ctx: Context,
    signer: Signer,
}

impl Case {
    fn new(bytes: Vec<u8>) -> Self {
        let keys: Vec<TrusteeKey> =
            (1..=3).map(|i| TrusteeKey::generate("BENCH", i).expect("a key").0).collect();
        let members = keys.iter().map(|key| key.member("trustee")).collect();
        let mut trustees = TrusteeSet { members, t: 2, tender: "BENCH".into(), typ: TrusteeSetTyp };
        keys.iter().for_each(|key| key.sign_set(&mut trustees).expect("it signs"));
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
            trustees: Bytes(trustees.hash()),
            typ: ContextTyp,
        };
        let pair = rcgen::KeyPair::generate().expect("a key");
        let certificate = rcgen::CertificateParams::new(vec![]).expect("parameters");
        let certificate = certificate.self_signed(&pair).expect("a certificate");
        let signing = SigningKey::from_pkcs8(&pair.serialize_der()).expect("a key");
        let signer = Signer::new(signing, vec![Blob(certificate.der().to_vec())]).expect("a signer");
        Self { bytes, trustees, ctx, signer }
    }

    fn seal(&self) -> SealedBid {
        let files = [FileToSeal { name: "bid.pdf".into(), source: &self.bytes }];
        let content = Content {
            ctx: &self.ctx,
            trustees: &self.trustees,
            files: &files,
            form: BTreeMap::new(),
            prev: None,
            signer: &self.signer,
            client: Client { bundle: None, name: "bench".into(), ver: "1".into() },
            created: Moment::from_micros(0),
        };
        seal(&content, Nowhere(0)).expect("it seals")
    }
}
