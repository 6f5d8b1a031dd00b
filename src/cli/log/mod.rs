//! `sunbid log`: tools for people who keep an eye on the public log. They need nothing from the platform but its
//! address and its key.

mod watch;
pub mod witness;

use crate::ledger::Door;
use crate::ledger::note::{SignerKey, WitnessKey};
use crate::ledger::policy::Policy;
use crate::platform::refusal::{Failure, Fault};
use crate::platform::vault::secret_file;
use anyhow::{Context, bail};
use clap::{Args as ClapArgs, Subcommand};
use std::io::Write;
use std::path::{Path, PathBuf};

/// For monitors and witnesses: follow a log, cosign it, make keys.
#[derive(ClapArgs, Debug)]
#[command(
    after_help = "Examples (the log's key is at /log/key of its server; compare it with a copy that came another way):\n  curl -s http://127.0.0.1:8080/log/key > log.key\n  \
    sunbid log watch http://127.0.0.1:8080/log --key \"$(cat log.key)\" --state seen.checkpoint --max-age 3600\n  \
    sunbid log new-key --witness --name supervisor.example/w1 --out w1.key\n  \
    sunbid log witness --key w1.key --log \"$(cat log.key)\" --state witness --listen 127.0.0.1:8090\n\n\
    The formats are in docs/formats/log.md."
)]
pub struct Args {
    #[command(subcommand)]
    step: Step,
}

#[derive(Subcommand, Debug)]
enum Step {
    #[command(
        after_help = "Example:\n  sunbid log watch http://127.0.0.1:8080/log --key \"$(cat log.key)\" --state seen.checkpoint --max-age 3600"
    )]
    /// Follow a log and raise the alarm if it was ever rewritten or stands still
    Watch(watch::WatchArgs),
    #[command(
        after_help = "Example:\n  sunbid log witness --key w1.key --log \"$(cat log.key)\" --state witness --listen 127.0.0.1:8090"
    )]
    /// Serve as a witness: cosign every checkpoint that extends what was cosigned before (C2SP tlog-witness)
    Witness(witness::WitnessArgs),
    #[command(
        after_help = "Example:\n  sunbid log new-key --witness --name supervisor.example/w1 --out w1.key"
    )]
    /// Make a key and print its public half
    NewKey(KeyArgs),
    #[command(
        after_help = "Example, with the configuration of the server (which may be running):\n  sunbid log rotate --config sunbid.toml\n\nWhat to do before and after: docs/log-operator.md"
    )]
    /// For the log's operator: give the log a new key; the old one signs for it
    Rotate,
}

#[derive(ClapArgs, Debug)]
struct KeyArgs {
    /// The key's name: an address without scheme that nobody else uses
    #[arg(long)]
    name: String,
    /// The file for the private key; it must not exist
    #[arg(long)]
    out: PathBuf,
    /// A key for a witness instead of one for a log
    #[arg(long)]
    witness: bool,
}

/// Runs the command.
///
/// # Errors
/// What the tool says; `watch` fails when the log does not hold.
pub fn run(args: &Args, out: &mut dyn Write) -> anyhow::Result<()> {
    match &args.step {
        Step::Watch(args) => watch::run(args, out),
        Step::Witness(args) => witness::run(args, out),
        Step::NewKey(args) => new_key(args, out),
        Step::Rotate => bail!("this step needs the configuration of the server"),
    }
}

impl Args {
    /// Whether the step works on the server's own log, so that its configuration must be read.
    pub fn is_for_the_operator(&self) -> bool {
        matches!(self.step, Step::Rotate)
    }
}

/// Changes the log's key in the house behind `door`.
///
/// # Errors
/// The database or the key files can not be written.
pub fn rotate(door: &Door, out: &mut dyn Write) -> anyhow::Result<()> {
    let told = |failure: Failure| told(failure.into_fault());
    let done = door.rotate_log().map_err(told)?;
    writeln!(out, "from {} entries on this log signs with", done.size)?;
    writeln!(out, "{}", done.new)?;
    writeln!(out, "instead of")?;
    writeln!(out, "{}", done.old)?;
    Ok(writeln!(
        out,
        "Publish the new key where the old one was; destroy every copy of the old private key."
    )?)
}

fn new_key(args: &KeyArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    if args.out.exists() {
        bail!("{} is there already", args.out.display());
    }
    let (public, file) = if args.witness {
        let key = WitnessKey::generate(&args.name)?;
        (key.verifier().to_string(), key.to_file())
    } else {
        let key = SignerKey::generate(&args.name)?;
        (key.verifier().to_string(), key.to_file())
    };
    secret_file(&args.out, || file.as_bytes().to_vec()).map_err(told)?;
    Ok(writeln!(out, "{public}")?)
}

fn told(fault: Fault) -> anyhow::Error {
    anyhow::anyhow!(fault.chain())
}

/// Reads a C2SP tlog-policy file.
///
/// # Errors
/// It can not be read, or is none.
pub fn read_policy(path: &Path) -> anyhow::Result<Policy> {
    let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Policy::parse(&text).with_context(|| path.display().to_string())
}
