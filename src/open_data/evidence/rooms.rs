//! What the rooms keep about the lot: trustee set, draws, evaluation, recordings.

use super::Gathering;
use super::files::Stored;
use crate::account::signature::Signed;
use crate::expert_draw::actions::{list_text, record_text};
use crate::expert_draw::rules::Subject as Drawn;
use crate::platform::canonical::{jcs, jcs_text};
use crate::platform::refusal::Fault;
use crate::project::phase::Milestone;
use crate::recording;
use crate::sealed_bid::trustees_store;
use crate::verify::bundle::Part;
use crate::verify::draw_check::{list_path, record_path};
use crate::verify::evaluation_check::REPORT;
use crate::verify::opening_check::TRUSTEES;
use crate::verify::recording_check::{media_path, track_path};
use crate::verify::signatures_check::SIGNED;
use crate::{evaluation, expert_draw};

/// Records of a track read at a time.
const RECORDS_MAX: i64 = 5_000;

pub(super) fn gather(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    if let Some(set) = trustees_store::complete_set(gathering.db, gathering.lot.tender)? {
        gathering.document(TRUSTEES.into(), jcs(&set));
    }
    draws(gathering)?;
    judged(gathering)?;
    recordings(gathering)
}

fn draws(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let vault = gathering.door.vault().clone();
    for row in expert_draw::store::draws_of(gathering.db, gathering.lot.lot)? {
        let Some(record) = record_text(gathering.db, &vault, &row)? else { continue };
        gathering.document(record_path(row.id), record);
        if row.subject == Drawn::Experts {
            let list = list_text(gathering.db, &vault, &row)?;
            gathering.document(list_path(row.id), list);
        }
    }
    Ok(())
}

fn judged(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let vault = gathering.door.vault().clone();
    let known = evaluation::store::evaluation(gathering.db, &vault, gathering.lot.lot)?;
    let Some(evaluation) = known else { return Ok(()) };
    let paper = |kind: &str, member: &str, signed: &Option<Signed>| {
        let name = format!("{SIGNED}{kind}-{}.json", member.to_lowercase());
        signed.as_ref().map(|signed| (name, jcs(signed)))
    };
    let reviews = evaluation.reviews.iter().map(|of| paper("review", &of.paper.member, &of.signed));
    let sheets = evaluation.sheets.iter().map(|of| paper("sheet", &of.paper.member, &of.signed));
    let opinions = evaluation.opinions.iter().map(|of| paper("opinion", &of.paper.member, &of.signed));
    // the certificates name the members, and their names are secret until the award (《招标投标法》第三十七条)
    if gathering.lot.reached(Milestone::Awarded).is_some() {
        for (path, bytes) in reviews.chain(sheets).chain(opinions).flatten() {
            gathering.document(path, bytes);
        }
    }
    if let Some(closed) = &evaluation.closed {
        gathering.document(REPORT.into(), closed.report.jcs());
    }
    Ok(())
}

fn recordings(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    for session in recording::store::sessions_of(gathering.db, gathering.lot.lot)? {
        for track in recording::store::tracks(gathering.db, session.id)? {
            let (mut lines, mut from) = (String::new(), 0);
            loop {
                let records = recording::store::records(gathering.db, track.id, from, RECORDS_MAX)?;
                let Some((last, _)) = records.last() else { break };
                from = last.number + 1;
                for (record, _) in &records {
                    lines.push_str(&jcs_text(record));
                    lines.push('\n');
                    if let Some(hash) = record.media().filter(|_| gathering.contents.media) {
                        let key = recording::actions::place(session.id, track.id, &hash);
                        let (files, runtime) = (gathering.door.files().clone(), gathering.runtime.clone());
                        let open = move || -> std::io::Result<Box<dyn std::io::Read>> {
                            Ok(Box::new(Stored::new(files.clone(), runtime.clone(), vec![key.clone()])))
                        };
                        gathering.parts.insert(media_path(&hash), Part::Large(Box::new(open)));
                    }
                }
            }
            if !lines.is_empty() {
                gathering.document(track_path(&track.id.to_string()), lines);
            }
        }
    }
    Ok(())
}
