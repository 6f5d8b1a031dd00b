//! `sunbid draw FILE`: draws again from the documents and compares with what was announced. Offline.

use crate::expert_draw::coefficient::{CoefficientRecord, CoefficientResult, draw_coefficient};
use crate::expert_draw::draw::{DrawRecord, DrawResult, doc_hash, draw};
use crate::platform::canonical;
use anyhow::{Context, bail};
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// No record of a draw is larger: 200,000 candidates come to some 60 MB.
const RECORD_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// Recompute a draw from its record and compare it with the announced result.
#[derive(Args, Debug)]
#[command(after_help = "Example:\n  sunbid draw T-2026-0007-1.draw.json\n\n\
    The record holds the draw document, the revealed secrets, the public value and the announced result, as\n\
    docs/formats/draw.md describes. Exit status 0 only if the same documents give the same result.")]
pub struct DrawArgs {
    /// The record of the draw, JSON in canonical form
    pub file: PathBuf,
    /// Print all alternates, not only how many there are
    #[arg(long)]
    pub alternates: bool,
}

/// Runs the command: prints what was recomputed, fails if it differs or the file is not a record.
pub fn run(args: &DrawArgs, out: &mut dyn Write) -> anyhow::Result<()> {
    let size =
        std::fs::metadata(&args.file).with_context(|| format!("reading {}", args.file.display()))?.len();
    if size > RECORD_BYTES_MAX {
        bail!("{} is larger than any record of a draw", args.file.display());
    }
    let bytes = std::fs::read(&args.file).with_context(|| format!("reading {}", args.file.display()))?;
    if let Ok(record) = canonical::from_jcs::<DrawRecord>(&bytes) {
        return experts(&record, args.alternates, out);
    }
    match canonical::from_jcs::<CoefficientRecord>(&bytes) {
        Ok(record) => coefficient(&record, out),
        Err(_) => {
            let why =
                canonical::from_jcs::<DrawRecord>(&bytes).err().map(|e| e.to_string()).unwrap_or_default();
            bail!("{} is not the record of a draw: {why}", args.file.display())
        }
    }
}

fn experts(record: &DrawRecord, all_alternates: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let doc = &record.doc;
    writeln!(out, "draw        {} for {} lot {}", doc.id, doc.tender, doc.lot)?;
    writeln!(out, "document    {}", doc_hash(doc))?;
    writeln!(out, "secrets     {} of {} parties revealed", record.reveals.len(), doc.parties.len())?;
    writeln!(out, "public      {}", record.public_value.text())?;
    let DrawResult { seed, strata } = draw(doc, &record.reveals, &record.public_value)?;
    writeln!(out, "seed        {seed}")?;
    for stratum in &strata {
        writeln!(out, "stratum     {}", stratum.stratum)?;
        for id in &stratum.selected {
            writeln!(out, "  seat      {id}")?;
        }
        if all_alternates {
            for id in &stratum.alternates {
                writeln!(out, "  alternate {id}")?;
            }
        } else {
            writeln!(out, "  alternates {}", stratum.alternates.len())?;
        }
    }
    verdict(DrawResult { seed, strata } == record.result, out)
}

fn coefficient(record: &CoefficientRecord, out: &mut dyn Write) -> anyhow::Result<()> {
    let doc = &record.doc;
    writeln!(out, "draw        {} of {} for {} lot {}", doc.id, doc.name, doc.tender, doc.lot)?;
    writeln!(out, "document    {}", doc_hash(doc))?;
    writeln!(out, "secrets     {} of {} parties revealed", record.reveals.len(), doc.parties.len())?;
    writeln!(out, "public      {}", record.public_value.text())?;
    let CoefficientResult { seed, value } = draw_coefficient(doc, &record.reveals, &record.public_value)?;
    writeln!(out, "seed        {seed}")?;
    writeln!(out, "value       {value}")?;
    verdict(CoefficientResult { seed, value } == record.result, out)
}

fn verdict(same: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    if !same {
        bail!("the announced result is not what these documents give");
    }
    writeln!(out, "holds       the announced result is what these documents give")?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_on(text: &str) -> (anyhow::Result<()>, String) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        let mut out = Vec::new();
        let result = run(&DrawArgs { file: file.path().into(), alternates: true }, &mut out);
        (result, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_true_record_holds_and_a_changed_one_is_refused() {
        let record = crate::expert_draw::tests::sample_record();
        let text = canonical::jcs_text(&record);
        let (result, said) = run_on(&text);
        result.unwrap();
        assert!(said.contains("holds") && said.contains(&record.result.strata[0].selected[0].to_string()));

        let mut forged = record.clone();
        forged.result.strata[0].selected.reverse();
        let (result, _) = run_on(&canonical::jcs_text(&forged));
        assert!(result.unwrap_err().to_string().contains("not what these documents give"));

        let (result, _) = run_on(&format!("{text}\n"));
        assert!(result.unwrap_err().to_string().contains("RFC 8785"));
    }
}
