//! `sunbid log watch`: follows a log from outside. Every round it fetches the newest checkpoint, has the log show that it
//! extends the one seen before, and looks at every new entry. What it saw is kept in a file; two contradicting
//! checkpoints, both signed by the log, are the proof of its misbehaviour and are written beside it.

use super::{read_policy, told};
use crate::ledger::checkpoint::{Checkpoint, CheckpointError};
use crate::ledger::leaf;
use crate::ledger::note::{Note, VerifierKey};
use crate::ledger::policy::{Policy, PolicyError};
use crate::ledger::proof::Receipt;
use crate::ledger::rotation::{Rotation, Rotations};
use crate::ledger::tiles::{Resource, parse_bundle};
use crate::ledger::tree::{self, TileSource};
use crate::platform::digest::{b64, sha256};
use crate::platform::moment::{Clock, Moment, SECOND};
use crate::platform::refusal::Fault;
use anyhow::{Context, bail};
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;

/// An answer longer than this is not read further: the largest is a bundle of 256 entries of 64 KiB.
const ANSWER_MAX: usize = 256 * (2 + 65_535);
const TILE: u64 = 256;
/// Kind of the entry that holds a rotation note (`docs/formats/log.md`, section 4.3).
const KEY_ROTATED: u8 = 1;

#[derive(Args, Debug)]
pub struct WatchArgs {
    /// The log's address, as http://127.0.0.1:8080/log
    url: String,
    /// The log's verifier key, from another place than the log itself
    #[arg(long, required_unless_present = "policy")]
    key: Option<String>,
    /// A C2SP tlog-policy file with the log's key and the witnesses that must have cosigned
    #[arg(long, conflicts_with = "key")]
    policy: Option<PathBuf>,
    /// File that remembers the last checkpoint seen
    #[arg(long)]
    state: PathBuf,
    /// Seconds between rounds
    #[arg(long, default_value_t = 30)]
    every: u64,
    /// Raise the alarm if the log has not grown for so many seconds, whatever the reason; a log with cover lines grows all
    /// the time
    #[arg(long)]
    max_age: Option<u32>,
    /// Look once and stop
    #[arg(long)]
    once: bool,
}

/// Why a round brought nothing good.
#[derive(Debug)]
enum Trouble {
    /// The log could not be reached or answered nonsense; perhaps it does next time.
    NoAnswer(String),
    /// The log contradicts itself or its promises.
    Alarm { why: String, notes: Vec<String> },
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::NoAnswer(fault.chain())
    }
}

pub(super) fn run(args: &WatchArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let policy = match (&args.policy, &args.key) {
        (Some(path), _) => read_policy(path)?,
        (None, Some(key)) => {
            let key = VerifierKey::parse(key.trim()).context("--key")?;
            Policy::parse(&format!("log {key}\nquorum none\n")).context("--key")?
        }
        (None, None) => bail!("give --key or --policy"),
    };
    let _ = rustls::crypto::ring::default_provider().install_default();
    let log = Remote::new(&args.url).map_err(told)?;
    let clock = Clock::real();
    loop {
        let seen = match fs::read_to_string(&args.state) {
            Ok(note) => Some(note),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
            Err(e) => return Err(e).with_context(|| format!("reading {}", args.state.display())),
        };
        let known = rotations_seen(args)?;
        match look(&log, &policy, seen.as_deref(), &known) {
            Ok((note, rotations, words)) => {
                // keys first: a checkpoint under a key that this file does not know would look false
                if rotations != known {
                    keep(&args.state.with_extension("rotations"), &rotations.to_string())?;
                }
                keep(&args.state, &note)?;
                let grown = seen.is_none_or(|seen| size_of(&seen) < size_of(&note));
                standing(args, clock.now(), grown)?;
                writeln!(out, "{}  {words}", clock.now().rfc3339())?;
            }
            Err(Trouble::NoAnswer(why)) => {
                standing(args, clock.now(), false)?;
                if args.once {
                    bail!("no answer: {why}");
                }
                writeln!(out, "{}  no answer: {why}", clock.now().rfc3339())?;
            }
            Err(Trouble::Alarm { why, notes }) => {
                let file = args.state.with_extension("alarm");
                fs::write(&file, notes.join("\n"))?;
                bail!("ALARM: {why}. The checkpoints that show it are in {}", file.display());
            }
        }
        out.flush()?;
        if args.once {
            return Ok(());
        }
        std::thread::sleep(Duration::from_secs(args.every));
    }
}

/// How many entries a checkpoint speaks of.
fn size_of(note: &str) -> Option<u64> {
    let note = Note::parse(note.as_bytes()).ok()?;
    Some(Checkpoint::parse(note.text()).ok()?.size)
}

/// A log that stands still, or that nobody can reach, hides what happens as well as one that was rewritten. A checkpoint bears
/// no time, so that it is remembered here when the log was last seen to grow.
fn standing(args: &WatchArgs, now: Moment, grown: bool) -> anyhow::Result<()> {
    let Some(max_age) = args.max_age else { return Ok(()) };
    let file = args.state.with_extension("grown");
    let since = fs::read_to_string(&file).ok().and_then(|text| Moment::parse(text.trim()));
    let Some(since) = since.filter(|_| !grown) else { return keep(&file, &now.rfc3339()) };
    if now.micros() - since.micros() > i64::from(max_age) * SECOND {
        bail!("ALARM: the log was not seen to grow since {}", since.rfc3339());
    }
    Ok(())
}

fn keep(file: &Path, text: &str) -> anyhow::Result<()> {
    let fresh = file.with_extension("new");
    fs::write(&fresh, text).with_context(|| format!("writing {}", fresh.display()))?;
    fs::rename(&fresh, file).with_context(|| format!("writing {}", file.display()))
}

/// The changes of the log's key that earlier rounds saw.
fn rotations_seen(args: &WatchArgs) -> anyhow::Result<Rotations> {
    let file = args.state.with_extension("rotations");
    match fs::read_to_string(&file) {
        Ok(text) => Rotations::parse(&text).with_context(|| file.display().to_string()),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(Rotations::default()),
        Err(e) => Err(e).with_context(|| format!("reading {}", file.display())),
    }
}

/// The log's changes of key: those seen before, and perhaps more.
fn rotations(log: &Remote, known: &Rotations) -> Result<Rotations, Trouble> {
    let text = String::from_utf8(log.get("rotations")?).map_err(|_| Trouble::NoAnswer("not text".into()))?;
    let all = Rotations::parse(&text).map_err(|why| Trouble::NoAnswer(why.to_string()))?;
    if all.extend(known) {
        return Ok(all);
    }
    let why = "a change of the log's key that was seen before is not there any more".to_owned();
    Err(Trouble::Alarm { why, notes: vec![known.to_string(), text] })
}

/// One round: the new checkpoint's note, the log's changes of key, and what to say of it.
fn look(
    log: &Remote,
    policy: &Policy,
    seen: Option<&str>,
    known: &Rotations,
) -> Result<(String, Rotations, String), Trouble> {
    let rotations = rotations(log, known)?;
    let policy = policy.following(&rotations);
    let note = log.get(if policy.asks_for_witnesses() { "witnessed" } else { "checkpoint" })?;
    let note = String::from_utf8(note).map_err(|_| Trouble::NoAnswer("not text".into()))?;
    let judged = policy.judge(note.as_bytes());
    let judged = judged.map_err(|why| match why {
        PolicyError::Checkpoint(CheckpointError::OutOfTerm { .. }) => {
            Trouble::Alarm { why: why.to_string(), notes: vec![rotations.to_string(), note.clone()] }
        }
        why => Trouble::NoAnswer(format!("the checkpoint does not count: {why}")),
    })?;
    let new = judged.checkpoint;
    // witnesses may be behind: a change of key above their checkpoint is looked at when they have come to it
    let rotations = rotations.below(new.size);
    let (old_note, old) = match seen {
        Some(seen) => {
            let read = Note::parse(seen.as_bytes()).ok().and_then(|note| Checkpoint::parse(note.text()).ok());
            (seen, read.ok_or_else(|| Trouble::NoAnswer("the state file is damaged".into()))?)
        }
        None => ("", Checkpoint { origin: new.origin.clone(), size: 0, root: tree::empty_root() }),
    };
    let notes = vec![old_note.to_owned(), note.clone()];
    let alarm = |why: String| Trouble::Alarm { why, notes: notes.clone() };
    if new.size < old.size {
        return Err(alarm(format!("the log shrank from {} entries to {}", old.size, new.size)));
    }
    // the tiles must make the root that is signed, and the signed tree must extend the one seen before
    let root = tree::root(log, new.size).map_err(Fault::from)?;
    if root != new.root {
        return Err(alarm(format!("the tiles of {} entries do not make the signed root", new.size)));
    }
    let proof = tree::consistency_proof(log, old.size, new.size).map_err(Fault::from)?;
    if !tree::verify_consistency(old.size, new.size, &old.root, &new.root, &proof) {
        return Err(alarm(format!("the {} entries do not extend the {} seen before", new.size, old.size)));
    }
    entries(log, old.size, new.size)?.map_err(alarm)?;
    for rotation in rotations.list().iter().skip(known.list().len()) {
        followed(log, rotation, &new)?
            .map_err(|why| Trouble::Alarm { why, notes: vec![rotation.note.to_string(), note.clone()] })?;
    }
    let cosigners = judged.cosigners.iter().map(|(name, seconds)| {
        let at = Moment::from_micros(i64::try_from(*seconds).unwrap_or_default().saturating_mul(SECOND));
        format!(", {name} cosigned {}", at.rfc3339())
    });
    let cosigners: String = cosigners.collect();
    let changed: String =
        rotations.list().iter().skip(known.list().len()).fold(String::new(), |said, rotation| {
            format!("{said}, new key from {} entries on: {}", rotation.size, rotation.new)
        });
    let words = format!(
        "{} entries (+{}), root {}{cosigners}{changed}",
        new.size,
        new.size - old.size,
        b64(&new.root)
    );
    Ok((note, rotations, words))
}

/// Looks at a change of key: it must be of this history, and the note must be an entry of the log like everything else.
fn followed(log: &Remote, rotation: &Rotation, new: &Checkpoint) -> Result<Result<(), String>, Trouble> {
    if tree::root(log, rotation.size).map_err(Fault::from)? != rotation.root {
        return Ok(Err(format!("the change of key at {} entries is of another history", rotation.size)));
    }
    let proof = log.get(&format!("rotation/{}/proof", rotation.size))?;
    let receipt = Receipt::parse(&proof).map_err(|why| Trouble::NoAnswer(why.to_string()))?;
    let same = receipt.opening.object_hash == sha256(&[rotation.note.to_string().as_bytes()]);
    let leaf = (receipt.index < new.size).then(|| tree::leaf_at(log, receipt.index, new.size));
    let leaf = leaf.transpose().map_err(Fault::from)?;
    if same && receipt.opening.kind == KEY_ROTATED && leaf == Some(receipt.opening.leaf_hash()) {
        Ok(Ok(()))
    } else {
        Ok(Err(format!("the change of key at {} entries is not in the log", rotation.size)))
    }
}

/// Looks at every entry from `from` up to `to`: it must have the one form that all entries have, and hash to its leaf.
fn entries(log: &Remote, from: u64, to: u64) -> Result<Result<(), String>, Trouble> {
    for index in from / TILE..to.div_ceil(TILE) {
        let width = u16::try_from((to - index * TILE).min(TILE)).unwrap_or(256);
        let hashes = log.tile(0, index, width)?;
        let bundle = log.get(&Resource::Entries { index, width }.path())?;
        let Some(entries) = parse_bundle(&bundle).filter(|entries| entries.len() == usize::from(width))
        else {
            return Ok(Err(format!("bundle {index} is damaged")));
        };
        for (at, (entry, hash)) in (index * TILE..).zip(entries.iter().zip(hashes.chunks(32))) {
            if leaf::parse_entry(entry).is_none() {
                return Ok(Err(format!("entry {at} does not have the form of all entries")));
            }
            if tree::leaf_hash(entry) != *hash {
                return Ok(Err(format!("entry {at} is not what its leaf says")));
            }
        }
    }
    Ok(Ok(()))
}

/// A log over HTTP.
struct Remote {
    base: String,
    http: reqwest::Client,
    runtime: Runtime,
}

impl Remote {
    fn new(url: &str) -> Result<Self, Fault> {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self { base: url.trim_end_matches('/').to_owned(), http, runtime })
    }

    fn get(&self, path: &str) -> Result<Vec<u8>, Fault> {
        self.runtime.block_on(async {
            let url = format!("{}/{path}", self.base);
            let mut answer = self.http.get(&url).send().await?.error_for_status()?;
            let mut bytes = Vec::new();
            while let Some(chunk) = answer.chunk().await? {
                bytes.extend_from_slice(&chunk);
                if bytes.len() > ANSWER_MAX {
                    return Err(Fault::new(format!("{url} is too long")));
                }
            }
            Ok(bytes)
        })
    }
}

impl TileSource for Remote {
    type Error = Fault;

    fn tile(&self, level: u8, index: u64, width: u16) -> Result<Vec<u8>, Fault> {
        let bytes = self.get(&Resource::Tile { level, index, width }.path())?;
        if bytes.len() == usize::from(width) * 32 {
            Ok(bytes)
        } else {
            Err(Fault::new(format!("tile {level}/{index} has {} bytes", bytes.len())))
        }
    }
}
