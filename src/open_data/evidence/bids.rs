//! Bids and their opening: the closing checkpoint, what counts, who released what, and what was read out.

use super::Gathering;
use crate::ledger::Subject;
use crate::ledger::store::{self as log, Tiles};
use crate::ledger::tree;
use crate::opening;
use crate::platform::canonical::jcs;
use crate::platform::digest::b64u;
use crate::platform::refusal::Fault;
use crate::platform::waiting::Waiting;
use crate::sealed_bid::ciphertext;
use crate::sealed_bid::store::{CountedEnvelope, counted, parts, steps_of_lot};
use crate::sealing::context::EnvelopeKind;
use crate::verify::bidders_check::{key_path, paper_path, refused_path};
use crate::verify::bids_check::folder;
use crate::verify::bundle::Part;
use crate::verify::log_check::{CLOSING, CLOSING_TYPE, ClosingDoc};
use crate::verify::opening_check::opening_path;
use crate::verify::witness_check::TIMESTAMP;

/// Every step of every bidder is in the log under a subject of its own.
pub(super) fn subjects(gathering: &mut Gathering<'_>) -> Result<Vec<Subject>, Fault> {
    let vault = gathering.door.vault().clone();
    let steps = steps_of_lot(gathering.db, &vault, gathering.lot.lot)?;
    Ok(steps.iter().map(|step| Subject::sealed(step.id)).collect())
}

pub(super) fn gather(gathering: &mut Gathering<'_>) -> Result<(), Fault> {
    let (lot, vault) = (gathering.lot.lot, gathering.door.vault().clone());
    let Some(closing) = opening::store::closing(gathering.db, lot)? else { return Ok(()) };
    if let Some(size) = gathering.head.as_ref().map(|head| head.size) {
        let proof = tree::consistency_proof(&Tiles::new(gathering.db), closing.size, size)?;
        let proof = proof.iter().map(|hash| b64u(hash)).collect();
        let kept = log::kept(gathering.db, closing.size)?;
        let (note, token) = kept.map_or((closing.note.clone(), None), |kept| (kept.note, kept.token));
        let doc = ClosingDoc { checkpoint: note, proof, typ: CLOSING_TYPE.into() };
        gathering.document(CLOSING.into(), jcs(&doc));
        if let Some(token) = token {
            gathering.document(TIMESTAMP.into(), token);
        }
    }
    for envelope in EnvelopeKind::ALL {
        let bids = counted(gathering.db, &vault, lot, envelope, closing.size)?;
        let sitting = opening::store::sitting(gathering.db, lot, envelope)?;
        let opened = sitting.as_ref().is_some_and(|sitting| sitting.opened_at.is_some());
        for bid in &bids {
            handed_in(gathering, bid, opened && gathering.contents.ciphertexts)?;
        }
        if let Some(sitting) = sitting {
            gathering.document(opening_path(envelope, "bid-set.json"), jcs(&sitting.bid_set));
            unsealed(gathering, envelope)?;
        }
    }
    Ok(())
}

fn handed_in(
    gathering: &mut Gathering<'_>,
    bid: &CountedEnvelope,
    with_ciphertext: bool,
) -> Result<(), Fault> {
    let folder = folder(&bid.m);
    gathering.document(format!("{folder}signature.json"), jcs(&bid.signature));
    let receipt = gathering.door.receipt(gathering.db, bid.entry)?;
    gathering.document(format!("{folder}receipt.tlog-proof"), receipt.to_string());
    if with_ciphertext {
        let (files, parts) = (gathering.door.files().clone(), parts(gathering.db, bid.upload)?);
        // one that the platform lost is in the record as such, and the rest must be had all the same
        if !ciphertext::is_whole(&files, &parts)? {
            return Ok(());
        }
        let open = move || -> std::io::Result<Box<dyn std::io::Read>> {
            Ok(Box::new(ciphertext::reader(files.clone(), parts.clone())?))
        };
        gathering.parts.insert(format!("{folder}ciphertext"), Part::Large(Box::new(open)));
    }
    Ok(())
}

fn unsealed(gathering: &mut Gathering<'_>, envelope: EnvelopeKind) -> Result<(), Fault> {
    let (lot, vault) = (gathering.lot.lot, gathering.door.vault().clone());
    for released in opening::store::releases(gathering.db, lot, envelope)? {
        let name = format!("release-{}.json", released.release.i);
        gathering.document(opening_path(envelope, &name), jcs(&released.release));
    }
    for key in opening::store::keys(gathering.db, lot, envelope)? {
        gathering.document(key_path(envelope, &key.release.m.0), jcs(&key.release));
    }
    for refused in opening::store::tries(gathering.db, lot, envelope)? {
        gathering.document(refused_path(envelope, &refused.hash()), jcs(&refused));
    }
    for excuse in opening::store::excuses(gathering.db, lot, envelope)? {
        let Some(paper) = excuse.paper else { continue };
        // a verifier misses one that the platform has lost; the rest must be had all the same
        match Waiting::here()?.on(gathering.door.files().get(&hex::encode(paper.sha256.0))) {
            Ok(content) => gathering.document(paper_path(envelope, &paper.sha256.0), content),
            Err(fault) => tracing::error!(why = fault.chain(), "a paper can not be read"),
        }
    }
    if let Some(shares) = opening::store::shares(gathering.db, &vault, lot, envelope)? {
        gathering.document(opening_path(envelope, "shares.json"), shares);
    }
    for bid in opening::store::opened_bids(gathering.db, lot, envelope)? {
        if let Some(document) = &bid.document {
            gathering.document(format!("{}bid.json", folder(&bid.m.0)), jcs(document));
        }
    }
    if let Some((record, _)) = opening::store::record(gathering.db, lot, envelope)? {
        gathering.document(opening_path(envelope, "record.json"), jcs(&record));
    }
    Ok(())
}
