//! `sunbid verify BUNDLE`: checks one lot's evidence. Offline; needs neither server nor database.

use crate::cli::log::read_policy;
use crate::ledger::note::VerifierKey;
use crate::ledger::proof::Receipt;
use crate::platform::pem::{certificates, read_certificates};
use crate::verify::findings::Outcome;
use crate::verify::{Known, verify};
use anyhow::{Context, bail};
use clap::Args;
use std::fs;
use std::io::Write;
use std::path::PathBuf;

/// Check one lot's evidence bundle. Prints one line for each check.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  sunbid verify --key \"$(cat log.key)\" --receipt mine.tlog-proof DEMO-0001-1.evidence\n\n\
    Lines begin with ok, FAIL, -- (what the bundle does not bring) or note (what lines above it mean). Exit status 0 only if nothing fails.\n\
    The format is docs/formats/evidence-bundle.md."
)]
pub struct VerifyArgs {
    /// The evidence bundle
    pub bundle: PathBuf,
    /// The log's verifier key (name+id+key), from another place than the bundle: a notice board, a witness
    #[arg(long)]
    pub key: Option<String>,
    /// Root certificates of the authorities that you trust, PEM or DER; without any, those of the bundle are used
    #[arg(long)]
    pub root: Vec<PathBuf>,
    /// Receipts of bids that must be in the evidence
    #[arg(long)]
    pub receipt: Vec<PathBuf>,
    /// A C2SP tlog-policy file: the witnesses that must have cosigned the closing checkpoint
    #[arg(long)]
    pub policy: Option<PathBuf>,
    /// Root certificates (PEM) of the RFC 3161 authority that must have stamped the closing checkpoint
    #[arg(long)]
    pub stamp_root: Vec<PathBuf>,
}

/// Runs the command; fails if any check fails.
pub fn run(args: &VerifyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let key = args.key.as_deref().map(|key| VerifierKey::parse(key.trim())).transpose().context("--key")?;
    let mut receipts = Vec::with_capacity(args.receipt.len());
    for path in &args.receipt {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        receipts.push(Receipt::parse(&bytes).with_context(|| path.display().to_string())?);
    }
    let mut roots = Vec::new();
    for path in &args.root {
        let bytes = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
        let found = certificates(&bytes);
        roots.extend(if found.is_empty() { vec![bytes] } else { found });
    }
    let policy = args.policy.as_deref().map(read_policy).transpose()?;
    let mut stamp_roots = Vec::new();
    for path in &args.stamp_root {
        stamp_roots.extend(read_certificates(path).map_err(|fault| anyhow::anyhow!(fault.chain()))?);
    }
    let file = fs::File::open(&args.bundle).with_context(|| format!("opening {}", args.bundle.display()))?;
    let findings = verify(file, &Known { key, roots, receipts, policy, stamp_roots });
    for line in findings.lines() {
        writeln!(out, "{line}")?;
    }
    let count = |outcome| findings.lines().iter().filter(|line| line.outcome == outcome).count();
    let (holds, broken, absent) = (count(Outcome::Holds), count(Outcome::Broken), count(Outcome::Absent));
    writeln!(out, "{holds} checks hold, {broken} fail, {absent} could not be made")?;
    if findings.all_hold() { Ok(()) } else { bail!("the evidence does not hold") }
}
