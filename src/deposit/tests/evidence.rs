//! What the bundle says of deposits is what the log says.

use super::desk::Desk;
use crate::deposit::actions;
use crate::deposit::rules::{ForfeitReason, RefundReason, State};
use crate::deposit::store;
use crate::ledger::{self, Subject};
use crate::on_both_databases;
use crate::platform::database::testing::Engine;
use crate::platform::digest::from_b64u;
use crate::platform::money::Fen;

on_both_databases! { every_line_of_the_evidence_is_told_in_the_log_and_names_nobody }

fn every_line_of_the_evidence_is_told_in_the_log_and_names_nobody(engine: Engine) {
    let desk = Desk::new(engine);
    let (kept, back) = (desk.paid(&desk.bidder("kept")), desk.paid(&desk.bidder("back")));
    desk.asked(&desk.bidder("unpaid"));
    desk.house.at("2026-03-25 09:30:00");
    let (lot, id, due) = (desk.lot, kept.id, "2026-04-01".parse().unwrap());
    desk.house.act(&desk.staff.centre.who, move |act| actions::freeze_lot(act, lot)).unwrap();
    let keep =
        move |act: &mut ledger::Act<'_>| actions::forfeit(act, id, ForfeitReason::ContractRefused, "决定书");
    desk.house.act(&desk.treasurer.who, keep).unwrap();
    let release =
        move |act: &mut ledger::Act<'_>| actions::refunds_due(act, lot, RefundReason::NotAwarded, due);
    desk.house.act(&desk.treasurer.who, release).unwrap();
    let door = desk.house.door();
    let vault = door.vault().clone();
    let (lines, entries) = door
        .read(|db| {
            let lines = store::of_lot(db, &vault, lot)?;
            let subjects =
                std::iter::once(Subject::sealed(lot)).chain(lines.iter().map(|d| Subject::sealed(d.id)));
            let columns: Vec<String> = subjects.map(|subject| subject.column(&vault)).collect();
            Ok::<_, crate::platform::refusal::Fault>((lines, ledger::store::entries_about(db, &columns)?))
        })
        .unwrap();
    let line = |id: &str| lines.iter().find(|line| line.id.to_string() == id).unwrap();
    let all = Fen(20_000_000);
    assert_eq!(
        (line(&kept.id.to_string()).credited, line(&kept.id.to_string()).state),
        (all, State::Forfeited)
    );
    assert_eq!(
        (line(&back.id.to_string()).credited, line(&back.id.to_string()).state),
        (all, State::RefundDue)
    );
    assert_eq!(lines.len(), 3);
    let objects: Vec<String> = entries
        .iter()
        .map(|row| door.opened(row).unwrap())
        .filter(|opened| opened.kind.starts_with("deposit."))
        .map(|opened| String::from_utf8(from_b64u(&opened.object).unwrap()).unwrap())
        .collect();
    let told = |kind: &str, id: &str| objects.iter().any(|o| o.contains(kind) && o.contains(id));
    assert!(
        told("deposit.credited", &kept.id.to_string()) && told("deposit.forfeited", &kept.id.to_string())
    );
    assert!(told("deposit.credited", &back.id.to_string()) && told("deposit.released", &back.id.to_string()));
    assert!(objects.iter().all(|o| !o.contains(&kept.bidder.to_string()) && !o.contains("kept有限公司")));
}
