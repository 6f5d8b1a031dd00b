//! `sunbid export TENDER/LOT --out FILE`: writes one lot's evidence bundle, from the database and files of this server.

use crate::account::house::House;
use crate::open_data::evidence::{self, Contents};
use crate::platform::config::Config;
use crate::platform::moment::Clock;
use crate::platform::refusal::Failure;
use crate::project::store::lot_named;
use anyhow::{Context, anyhow};
use clap::Args;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

/// Write one lot's evidence bundle, for `sunbid verify`.
#[derive(Args, Debug)]
#[command(
    after_help = "Example:\n  sunbid export DEMO-0001/1 --out demo.evidence && sunbid verify demo.evidence\n\n\
    Only when the bids are open. The file holds what was opened: give it to those who may see that."
)]
pub struct ExportArgs {
    /// Public number of the tender and number of the lot
    #[arg(value_name = "TENDER/LOT")]
    pub lot: String,
    /// The file to write; it must not exist
    #[arg(long)]
    pub out: PathBuf,
    /// Leave the sealed bids out; their manifests and what was read out stay
    #[arg(long)]
    pub without_bids: bool,
    /// Put the recordings' media in; their hashes are there anyway
    #[arg(long)]
    pub with_media: bool,
}

/// Runs the command on the house that `config` describes.
pub fn run(args: &ExportArgs, config: Config, out: &mut dyn Write) -> anyhow::Result<()> {
    let house = House::open(config, Clock::real()).map_err(|fault| anyhow!(fault.chain()))?;
    let runtime = tokio::runtime::Runtime::new()?;
    let size = write(&house, args, runtime.handle())?;
    writeln!(out, "{}: {size} bytes", args.out.display())?;
    Ok(())
}

/// Writes the bundle and returns its size in bytes. A file that is not finished is removed.
fn write(house: &House, args: &ExportArgs, runtime: &tokio::runtime::Handle) -> anyhow::Result<u64> {
    let (tender, number) =
        args.lot.split_once('/').context("name the lot as TENDER/LOT, for example DEMO-0001/1")?;
    let told = |failure: Failure| match failure {
        Failure::Refused(refused) => anyhow!(rust_i18n::t!(refused.key.as_ref(), locale = "en").into_owned()),
        Failure::Fault(fault) => anyhow!(fault.chain()),
    };
    let lot = house.door.read(|db| lot_named(db, tender, number)).map_err(told)?;
    let contents = Contents { ciphertexts: !args.without_bids, media: args.with_media };
    let file = File::create_new(&args.out).with_context(|| format!("writing {}", args.out.display()))?;
    let written = evidence::write(house, &lot, contents, runtime, BufWriter::with_capacity(1 << 20, file));
    let finished = written.map_err(told).and_then(|writer| {
        let file = writer.into_inner().map_err(|e| anyhow!(e.to_string()))?;
        file.sync_all()?;
        Ok(file.metadata()?.len())
    });
    if finished.is_err() {
        std::fs::remove_file(&args.out).ok();
    }
    finished
}
