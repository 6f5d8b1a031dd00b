//! Sealing and opening a bid, beside three anchors that are measured in turn in the same minute, all in memory:
//!
//! - one core's pass of AES-256-GCM and SHA-256 over the bytes, each once;
//! - the same with every core at work;
//! - what the format itself asks for, done as fast as this machine can: the chain of SHA-256 of the file on one core, and on the others
//!   AES-256-GCM and the hashes of the slices, four at a time. Promise: at least 70 % of that from 64 MiB on.
//!
//! Where the `age` command is installed, both seal a file of the largest size into another file of the same folder, in turn, and
//! without waiting for the disk. The design hoped for twice its speed; `docs/decisions/0010-what-sealing-costs.md` says why that was
//! given up.
//!
//! `cargo bench --bench sealing`
#![allow(clippy::expect_used, clippy::float_arithmetic)] // figures for people, no business

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::io::{Cursor, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use sunbid::platform::digest::sha256;
use sunbid::platform::moment::Moment;
use sunbid::sealing::archive::Shelf;
use sunbid::sealing::bid_document::ListedFile;
use sunbid::sealing::boxes::BoxKey;
use sunbid::sealing::context::{Context, ContextTyp, EnvelopeKind, Mode, Suite};
use sunbid::sealing::document::{Blob, Bytes};
use sunbid::sealing::envelope::Envelope;
use sunbid::sealing::manifest::Client;
use sunbid::sealing::opening_check::Reported;
use sunbid::sealing::seal::{Content, FileToSeal, SealedBid, Source, seal};
use sunbid::sealing::signature::{Signer, SigningKey};
use sunbid::sealing::stream::{measure, slice_leaves};
use sunbid::sealing::trustees::{TrusteeKey, TrusteeSet, TrusteeSetTyp};
use sunbid::sealing::warrant::OpeningWarrant;

const MIB: usize = 1 << 20;
const ROUNDS: usize = 5;
const LARGEST: usize = 256;

fn main() {
    println!(
        "{:>5} | {:>9} {:>9} {:>9} | {:>9} {:>9} {:>11} | {:>9}",
        "MiB",
        "seal GB/s",
        "open GB/s",
        "root GB/s",
        "one core",
        "all cores",
        "the format",
        "seal/open of the format"
    );
    for size in [16, 64, LARGEST] {
        let case = Case::new(vec![7u8; size * MIB]);
        let bytes = &case.bytes;
        let closed = case.closed();
        let mut best = [0.0; 6];
        // in turn, so that a busy minute of the machine falls on all six
        for _ in 0..ROUNDS {
            let now = [
                per_second(bytes.len(), || drop(black_box(case.seal(Nowhere(0))))),
                per_second(bytes.len(), || case.open(&closed)),
                per_second(bytes.len(), || drop(black_box(measure(bytes.as_slice())))),
                per_second(bytes.len(), || passes(bytes, 1, one_by_one)),
                per_second(bytes.len(), || passes(bytes, cores(), one_by_one)),
                per_second(bytes.len(), || format_pass(bytes)),
            ];
            best.iter_mut().zip(now).for_each(|(best, now)| *best = f64::max(*best, now));
        }
        let [sealed, opened, root, one, all, format] = best;
        println!(
            "{size:>5} | {sealed:>9.2} {opened:>9.2} {root:>9.2} | {one:>9.2} {all:>9.2} {format:>11.2} | {:>9.2} {:>9.2}",
            sealed / format,
            opened / format
        );
        if size == LARGEST {
            beside_age(&case);
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Files into files, by us and by the `age` command, the best of some rounds.
fn beside_age(case: &Case) {
    let folder = tempfile::tempdir().expect("a folder");
    let (plain, sealed) = (folder.path().join("plain"), folder.path().join("sealed"));
    std::fs::write(&plain, &case.bytes).expect("it is written");
    let (mut ours, mut theirs) = (0.0, None);
    for _ in 0..ROUNDS {
        let fresh = std::fs::File::create(&sealed).expect("a file");
        ours =
            f64::max(ours, per_second(case.bytes.len(), || drop(black_box(case.seal_from(&plain, fresh)))));
        std::fs::remove_file(&sealed).expect("it goes");
        let Some(speed) = age(case.bytes.len(), &plain, &sealed) else { break };
        theirs = Some(theirs.map_or(speed, |best| f64::max(best, speed)));
    }
    match theirs {
        Some(theirs) => {
            println!("file into file: {ours:.2} GB/s, age {theirs:.2} GB/s, ratio {:.2}", ours / theirs)
        }
        None => println!("file into file: {ours:.2} GB/s; the command age is not installed"),
    }
}

/// How fast the `age` command encrypts a file to one recipient, GB/s. `None` where it is not installed.
fn age(bytes: usize, plain: &Path, sealed: &Path) -> Option<f64> {
    let key = Command::new("age-keygen").stderr(Stdio::null()).output().ok()?;
    let key = String::from_utf8(key.stdout).expect("text");
    let recipient =
        key.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a key").to_owned();
    let speed = per_second(bytes, || {
        let mut command = Command::new("age");
        command.args(["-r", &recipient, "-o"]).arg(sealed).arg(plain);
        assert!(command.status().expect("age runs").success());
    });
    std::fs::remove_file(sealed).expect("it goes");
    Some(speed)
}

/// GB/s.
fn per_second(bytes: usize, work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    bytes as f64 / begun.elapsed().as_secs_f64() / 1e9
}

/// One AES-256-GCM and one SHA-256 pass over all of `bytes` on `threads` cores, into memory that is already there.
fn passes(bytes: &[u8], threads: usize, hash: fn(&[u8])) {
    let next = AtomicUsize::new(0);
    let batches: Vec<&[u8]> = bytes.chunks(4 * MIB).collect();
    let work = || {
        let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &[1; 32]).expect("32 bytes"));
        let mut batch = vec![0; 4 * MIB];
        while let Some(part) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            batch.resize(part.len(), 0);
            batch.copy_from_slice(part);
            for slice in batch.chunks_mut(MIB) {
                let nonce = Nonce::assume_unique_for_key([0; 12]);
                let _tag =
                    black_box(key.seal_in_place_separate_tag(nonce, Aad::empty(), slice).expect("it seals"));
            }
            hash(&batch);
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| drop(scope.spawn(work))));
}

fn one_by_one(batch: &[u8]) {
    for slice in batch.chunks(MIB) {
        black_box(sha256(&[slice]));
    }
}

fn side_by_side(batch: &[u8]) {
    drop(black_box(slice_leaves(&batch.chunks(MIB).collect::<Vec<_>>())));
}

/// What sealing must do at least: the file's own hash, a chain, on one core, all else on the others.
fn format_pass(bytes: &[u8]) {
    std::thread::scope(|scope| {
        scope.spawn(|| black_box(sha256(&[bytes])));
        passes(bytes, (cores() - 1).max(1), side_by_side);
    });
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

/// Where opened files go: nowhere, in the pieces in which the file store takes them.
struct Emptied;

impl Shelf for Emptied {
    fn put(&mut self, _: &ListedFile, content: &mut dyn Read) -> std::io::Result<()> {
        let mut piece = vec![0; MIB];
        while content.read(&mut piece)? > 0 {
            black_box(&piece);
        }
        Ok(())
    }
}

/// Everything that a sealing needs, made before the watch runs.
struct Case {
    bytes: Vec<u8>,
    held: Vec<(u8, BoxKey)>,
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
        let held = keys.into_iter().map(|key| (key.i, key.boxes)).collect();
        Self { bytes, held, trustees, ctx, signer }
    }

    fn seal(&self, out: impl Write + Seek) -> SealedBid {
        self.seal_source(&self.bytes, out)
    }

    /// As the command line seals a file.
    fn seal_from(&self, file: &Path, out: std::fs::File) -> SealedBid {
        self.seal_source(&file.to_owned(), out)
    }

    fn seal_source(&self, source: &dyn Source, out: impl Write + Seek) -> SealedBid {
        let files = [FileToSeal { name: "bid.pdf".into(), source }];
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
        seal(&content, out).expect("it seals")
    }

    /// The bid with its ciphertext.
    fn closed(&self) -> (SealedBid, Vec<u8>) {
        let mut ciphertext = Vec::new();
        (self.seal(Cursor::new(&mut ciphertext)), ciphertext)
    }

    /// Everything that the hall does with one bid: judge the shares, decrypt, check root, archive and hashes.
    fn open(&self, (bid, ciphertext): &(SealedBid, Vec<u8>)) {
        let m = bid.manifest.id();
        let warrant = OpeningWarrant::of_key_holders(&self.trustees, &self.held, m).expect("three hold keys");
        let c = bid.manifest.ctx.hash();
        let boxes = self.held.iter().zip(&bid.manifest.lock.boxes);
        let reported: Vec<Reported> = boxes
            .map(|((i, key), sealed)| Reported { i: *i, share: key.open_share(&c, *i, &sealed.0).ok() })
            .collect();
        let envelope = Envelope::new(bid.manifest.clone());
        let unlocked = envelope.unlock(&warrant, &self.trustees, &reported, None).expect("it unlocks");
        black_box(unlocked.open(ciphertext.as_slice(), &mut Emptied).expect("it opens"));
    }
}
